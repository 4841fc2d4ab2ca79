"""PyTorch as a network: our own checkpoints, folded and run without gradients."""

from __future__ import annotations

import json
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
from ocrengine.nets.dbnet import DbConfig, DbNet

_OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "not enough memory")
_LUMA = (0.299, 0.587, 0.114)


class _ProbabilityMap(nn.Module):
    """(B, 3, H, W) -> (B, 1, H, W) probabilities"""

    def __init__(self, net: DbNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pages: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.net(pages).float())


class _StepProbabilities(nn.Module):
    """(B, 3, h, W) -> (B, T, C) probabilities of a network that sees gray lines"""

    def __init__(self, net: Crnn) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("luma", torch.tensor(_LUMA).view(1, 3, 1, 1), persistent=False)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        gray = (lines * cast(torch.Tensor, self.luma)).sum(dim=1, keepdim=True)
        return self.net(gray).float().softmax(dim=2)


class TorchNetwork:
    """One array in, one array out; batch norms are folded into their convolutions."""

    def __init__(self, net: nn.Module, device: Device) -> None:
        torch.set_num_threads(device.threads)
        self._device = torch.device(device.name)
        folded = fold_batch_norms(net.eval()).to(self._device)
        self._net = folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 in and out, shapes as the network says"""
        try:
            pixels = torch.from_numpy(batch).to(self._device, memory_format=torch.channels_last)
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


def load_detector(path: Path, device: Device) -> TorchNetwork:
    """A DBNet checkpoint of ours; the training's threshold head is left behind."""
    tensors, metadata = checkpoint.load(path)
    _expect(path, metadata, "dbnet-resnet18")
    net = DbNet(DbConfig(**json.loads(metadata["config"])))
    kept = {name: t for name, t in tensors.items() if not name.startswith("threshold.")}
    _fill(path, net, kept)
    return TorchNetwork(_ProbabilityMap(net), device)


def load_recognizer(path: Path, device: Device) -> tuple[TorchNetwork, Charset, int]:
    """A CRNN checkpoint of ours -> the network, its charset and the height of its lines."""
    tensors, metadata = checkpoint.load(path)
    _expect(path, metadata, "crnn")
    config = CrnnConfig.from_json(metadata["config"])
    charset = Charset(tuple(metadata["charset"]))
    if charset.classes != config.classes:
        raise BundleError(
            f"{path.name} tells {config.classes} classes apart, its charset {charset.classes}"
        )
    net = Crnn(config)
    _fill(path, net, tensors)
    return TorchNetwork(_StepProbabilities(net), device), charset, config.height


def _expect(path: Path, metadata: dict[str, str], architecture: str) -> None:
    found = metadata.get("architecture", "nothing")
    if found != architecture:
        raise BundleError(f"{path.name} holds {found}, not {architecture}")


def _fill(path: Path, net: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise BundleError(f"{path.name} does not fit its architecture: {error}") from error
