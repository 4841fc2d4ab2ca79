"""ONNX Runtime as a network: one array in, one array out, memory given back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrengine.device import Device
from ocrengine.errors import BundleError, OutOfMemory

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_OUT_OF_MEMORY = ("bad_alloc", "Failed to allocate", "bad allocation", "out of memory")


class OnnxNetwork:
    """A session tuned for flat memory under changing shapes.

    The arena and the memory pattern are off: both keep what the largest page ever needed (206 MB
    -> 5.8 GB in onnxruntime #11627), and cost nothing here.
    """

    def __init__(self, path: Path, device: Device) -> None:
        import onnxruntime  # noqa: PLC0415  18 MB that a child does without whose networks torch runs

        options = onnxruntime.SessionOptions()
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.intra_op_num_threads = device.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Idle threads sleep instead of spinning: two cores have better things to do.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=[_PROVIDERS[device.name]]
            )
        except Exception as error:  # the runtime raises its own, undocumented classes
            raise BundleError(f"{path.name} cannot be loaded: {error}") from error
        self._input = self._session.get_inputs()[0].name

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            output: NDArray[np.float32] = self._session.run(None, {self._input: batch})[0]
        except Exception as error:
            if any(sign in str(error) for sign in _OUT_OF_MEMORY):
                raise OutOfMemory(str(error)[:200]) from error
            raise
        return output
