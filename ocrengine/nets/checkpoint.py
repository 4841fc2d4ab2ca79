"""Checkpoints: safetensors, tensors and plain text alone, so that opening one runs nothing.

The layout is eight bytes of header length, a JSON header, then the tensors' bytes.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ocrengine.errors import BundleError

MAX_HEADER = 4 * 2**20
MAX_FILE = 512 * 2**20
_TYPES: dict[str, type[np.generic]] = {"F16": np.float16, "F32": np.float32, "I64": np.int64}


def save(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Kernels and matrices as FP16, vectors as FP32, counters as they are; the old file stays whole
    until the new one is.

    Vectors, because the variance that a batch norm has seen may well be beyond FP16's 65,504.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    blobs, offset = [], 0
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().contiguous().numpy()
        kind = "I64" if array.dtype == np.int64 else "F16" if array.ndim > 1 else "F32"
        with np.errstate(over="ignore"):  # looked for in the next line
            stored = array.astype(_TYPES[kind])
        if not np.isfinite(stored).all():
            raise ValueError(
                f"{name} holds numbers that {kind} does not; {path.name} is not written"
            )
        blob = stored.tobytes()
        header[name] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    with half.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(blobs))
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors (floats as FP32) and metadata; BundleError when the file is not what it says."""
    if path.stat().st_size > MAX_FILE:
        raise BundleError(f"{path.name} is larger than {MAX_FILE // 2**20} MB")
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    if not 2 <= size <= min(MAX_HEADER, len(content) - 8):
        raise BundleError(f"{path.name} is no safetensors file")
    try:
        header = json.loads(content[8 : 8 + size])
        metadata = header.pop("__metadata__", {})
        body = memoryview(content)[8 + size :]
        return {name: _tensor(body, entry) for name, entry in header.items()}, metadata
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path.name} is damaged: {error}") from error


def _tensor(body: memoryview, entry: dict[str, Any]) -> torch.Tensor:
    start, stop = entry["data_offsets"]
    kind: type[np.generic] = _TYPES[entry["dtype"]]
    shape = entry["shape"]
    if any(size < 0 for size in shape):
        raise ValueError(f"a tensor of shape {shape}")
    array = np.frombuffer(body[start:stop], kind).reshape(shape)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    return torch.from_numpy(array.copy())
