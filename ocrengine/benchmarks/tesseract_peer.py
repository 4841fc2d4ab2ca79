"""Tesseract, page by page, each in a process of its own whose costs are counted.

A script of the standard library alone, started by path: a process that was forked is charged the
memory of its parent until it becomes another program, so the parent must be a small one. One line
per page asks, `LANGUAGES<tab>PATH`; one line of JSON answers: {"lines", "cpu" (seconds), "peak"
(bytes)} or {"error"}.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

WORD = "5"
"""The level of a row of TSV that is a word; those above it are the line, paragraph and so on."""
COLUMNS = 12

Line = dict[str, Any]


def main() -> None:
    print(json.dumps({"ready": True}), flush=True)
    for order in sys.stdin:
        languages, _, path = order.rstrip("\n").partition("\t")
        print(json.dumps(read(sys.argv[1], languages, path)), flush=True)


def read(binary: str, languages: str, path: str) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(
            ["env", "OMP_THREAD_LIMIT=1", binary, path, "stdout", "-l", languages, "tsv"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=complaints,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        complaints.seek(0)
        if child.returncode:
            said = complaints.read().decode(errors="replace").strip().splitlines()
            return {"error": said[-1] if said else f"ended with status {child.returncode}"}
        return {
            "lines": lines_of(out.read().decode(errors="replace")),
            "cpu": usage.ru_utime + usage.ru_stime,
            "peak": usage.ru_maxrss * 1024,
        }


def lines_of(tsv: str) -> list[Line]:
    """Words of one block, paragraph and line are one line, in the order of the file."""
    words: dict[tuple[str, ...], list[list[str]]] = {}
    for row in tsv.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == COLUMNS and cells[0] == WORD and cells[11].strip():
            words.setdefault(tuple(cells[1:5]), []).append(cells)
    return [_line(members) for members in words.values()]


def _line(words: list[list[str]]) -> Line:
    boxes = [[int(cell) for cell in word[6:10]] for word in words]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = (max(box[i] + box[i + 2] for box in boxes) for i in (0, 1))
    return {
        "poly": [[left, top], [right, top], [right, bottom], [left, bottom]],
        "text": " ".join(word[11] for word in words),
        "conf": sum(float(word[10]) for word in words) / len(words) / 100,
    }


if __name__ == "__main__":
    main()
