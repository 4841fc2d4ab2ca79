"""The rapidocr package's own pipeline, with the same networks as bundle `accurate`.

A script for the python of an environment of its own, never imported: the product uses the
package's model files and none of its code, and here its code is what is measured. One path per
line asks, one line of JSON answers: {"lines", "cpu" (seconds), "peak" (bytes)}.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

Lines = list[dict[str, Any]]


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the package talks on standard output
    read = _load(threads=1)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for path in sys.stdin:
        before = time.process_time()
        lines = read(path.rstrip("\n"))
        answer = {
            "lines": lines,
            "cpu": time.process_time() - before,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(answer), file=answers, flush=True)


def _load(threads: int) -> Callable[[str], Lines]:
    importlib.import_module("cv2").setNumThreads(threads)
    pipeline = importlib.import_module("rapidocr").RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.log_level": "error",
        }
    )

    def read(path: str) -> Lines:
        found = pipeline(path)
        if getattr(found, "boxes", None) is None or found.txts is None:
            return []
        return [
            {"poly": box.astype(float).tolist(), "text": text, "conf": float(score)}
            for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        ]

    return read


if __name__ == "__main__":
    main()
