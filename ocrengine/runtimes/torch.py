"""PyTorch as a network: our own checkpoints, folded and run without gradients."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ocrengine.charset import Charset
from ocrengine.device import Device
from ocrengine.errors import BundleError, OutOfMemory
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.nets.crnn_published import ClovaaiCrnn, MeijieruCrnn, PublishedCrnnConfig
from ocrengine.nets.crnn_vgg import VggCrnn, VggCrnnConfig
from ocrengine.nets.dbnet import ARCHITECTURE, DbConfig, DbNet

_OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "not enough memory")
_LUMA = (0.299, 0.587, 0.114)


LineNet = Crnn | VggCrnn | MeijieruCrnn | ClovaaiCrnn


def _published(text: str) -> PublishedCrnnConfig:
    return PublishedCrnnConfig(**json.loads(text))


_LINE_NETS: dict[str, Callable[[str], LineNet]] = {
    "crnn": lambda text: Crnn(CrnnConfig.from_json(text)),
    "crnn-vgg": lambda text: VggCrnn(VggCrnnConfig(**json.loads(text))),
    "crnn-meijieru": lambda text: MeijieruCrnn(_published(text)),
    "crnn-clovaai": lambda text: ClovaaiCrnn(_published(text)),
}
"""Architecture -> a network from its configuration in JSON"""


class _ProbabilityMap(nn.Module):
    """(B, 3, H, W) -> (B, 1, H, W) probabilities"""

    def __init__(self, net: DbNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pages: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.net(pages).float())


class _StepScores(nn.Module):
    """(B, 3, h, W) -> (B, T, C) logits of a network that sees gray lines"""

    def __init__(self, net: LineNet) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("luma", torch.tensor(_LUMA).view(1, 3, 1, 1), persistent=False)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        gray = (lines * cast(torch.Tensor, self.luma)).sum(dim=1, keepdim=True)
        return self.net(gray).float()


_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchNetwork:
    """One array in, one array out; batch norms are folded into their convolutions."""

    def __init__(self, net: nn.Module, device: Device, metadata: Mapping[str, str]) -> None:
        self.metadata = metadata
        torch.set_num_threads(device.threads)
        self._device = torch.device(device.name)
        self._half = _HALVES.get(device.precision)
        folded = fold_batch_norms(net.eval()).to(self._device)
        self._net = folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 in and out, shapes as the network says"""
        try:
            pixels = torch.from_numpy(batch).to(self._device, memory_format=torch.channels_last)
            halved = self._half is not None
            with torch.autocast(self._device.type, self._half, enabled=halved):
                output: NDArray[np.float32] = self._net(pixels).cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            if any(sign in str(error) for sign in _OUT_OF_MEMORY):
                raise OutOfMemory(str(error)[:200]) from error
            raise
        return output


def fold_batch_norms(net: nn.Module) -> nn.Module:
    """Each convolution followed by a batch norm becomes one convolution: the same answer, less
    work. `net` must be in evaluation mode, and is changed."""
    for child in net.children():
        fold_batch_norms(child)
        if not isinstance(child, nn.Sequential):
            continue
        for i in range(len(child) - 1):
            first, second = child[i], child[i + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                child[i], child[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return net


def read_detector(path: Path) -> tuple[nn.Module, dict[str, str]]:
    """A DBNet checkpoint as (B, 3, H, W) -> (B, 1, H, W) probabilities, and its metadata; the
    training's threshold head is left behind."""
    tensors, metadata = checkpoint.load(path)
    _expect(path, metadata, ARCHITECTURE)
    net = DbNet(DbConfig.from_json(metadata["config"]))
    kept = {name: t for name, t in tensors.items() if not name.startswith("threshold.")}
    _fill(path, net, kept)
    return _ProbabilityMap(net).eval(), metadata


def load_detector(path: Path, device: Device) -> TorchNetwork:
    net, metadata = read_detector(path)
    return TorchNetwork(net, device, metadata)


def read_recognizer(path: Path) -> tuple[nn.Module, dict[str, str]]:
    """A CRNN checkpoint, ours or a classic one, as (B, 3, h, W) -> (B, T, C) logits, and its
    metadata."""
    tensors, metadata = checkpoint.load(path)
    _expect(path, metadata, *_LINE_NETS)
    net = _LINE_NETS[metadata["architecture"]](metadata["config"])
    known = Charset(tuple(metadata["charset"])).classes
    if known != net.config.classes:
        raise BundleError(
            f"{path.name} tells {net.config.classes} classes apart, its charset {known}"
        )
    _fill(path, net, tensors)
    about = {"height": str(net.config.height), "answers": "logits"}
    return _StepScores(net).eval(), metadata | about


def load_recognizer(path: Path, device: Device) -> TorchNetwork:
    net, metadata = read_recognizer(path)
    return TorchNetwork(net, device, metadata)


def _expect(path: Path, metadata: dict[str, str], *architectures: str) -> None:
    found = metadata.get("architecture", "nothing")
    if found not in architectures:
        raise BundleError(f"{path.name} holds {found}, not {' or '.join(architectures)}")


def _fill(path: Path, net: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    wanted = net.state_dict()
    wrong = {
        name for name in wanted if name in tensors and tensors[name].shape != wanted[name].shape
    }
    # A batch norm's count of batches is of no use here, and other people's files lack it.
    missing = {name for name in wanted.keys() - tensors if not name.endswith("num_batches_tracked")}
    odd = sorted(missing | wrong | (tensors.keys() - wanted.keys()))
    if odd:
        raise BundleError(f"{path.name} does not fit its architecture: {', '.join(odd[:3])}")
    net.load_state_dict(tensors, strict=False)
