"""A detector's first and last layers, rewritten into equal ones that 8-bit kernels are good at.

The first convolution sees three channels, a quarter of what a vector register holds; folded two by
two, the page has twelve. Transposed convolutions have no 8-bit kernel at all; where they do not
overlap, each is a 1x1 convolution whose channels are then laid out as pixels. Both identities are
exact; fp32 gains nothing by them. Figures: docs/engine-log.md.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional as F

from ocrengine.nets.dbnet import DbNet


class _SpaceToDepth(torch.autograd.Function):
    """(B, C, H, W) -> (B, 4 C, H / 2, W / 2), channels as ONNX's operator has them: pixel within
    the square first. Torch's own pixel_unshuffle is exported as copies, which eat up the gain."""

    @staticmethod
    def forward(ctx: Any, pages: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = pages.shape
        squares = pages.view(count, channels, height // 2, 2, width // 2, 2)
        return squares.permute(0, 3, 5, 1, 2, 4).reshape(
            count, 4 * channels, height // 2, width // 2
        )

    @staticmethod
    def symbolic(graph: Any, pages: Any) -> Any:
        return graph.op("SpaceToDepth", pages, blocksize_i=2)


class FoldedStem(nn.Module):
    """A 7x7 convolution of stride 2 as a 4x4 one of stride 1 over squares of two by two pixels."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        outputs, channels = convolution.weight.shape[:2]
        # A row and a column of nothing in front: three pixels of padding become two squares.
        kernel = F.pad(convolution.weight.data, (1, 0, 1, 0))
        kernel = kernel.view(outputs, channels, 4, 2, 4, 2).permute(0, 3, 5, 1, 2, 4)
        self.convolution = nn.Conv2d(4 * channels, outputs, 4, bias=convolution.bias is not None)
        self.convolution.weight.data = kernel.reshape(outputs, 4 * channels, 4, 4).contiguous()
        if convolution.bias is not None:
            self.convolution.bias = convolution.bias

    def forward(self, pages: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, outputs, H / 2, W / 2)"""
        squares = _SpaceToDepth.apply(pages)  # type: ignore[no-untyped-call]
        return cast(torch.Tensor, self.convolution(F.pad(squares, (2, 1, 2, 1))))


class ShuffledHead(nn.Module):
    """map_head() with both of its transposed 2x2 convolutions as 1x1 ones: the first gives the four
    pixels that each becomes as channels, the second the sixteen."""

    def __init__(self, head: nn.Sequential) -> None:
        super().__init__()
        self.first = head[0]
        before, norm, after = head[1], head[2], head[4]
        assert isinstance(before, nn.ConvTranspose2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert isinstance(after, nn.ConvTranspose2d)
        self.grow, self.finish = _grown(before, norm), _finished(after)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, neck, H / 4, W / 4) -> (B, 1, H, W)"""
        return F.pixel_shuffle(self.finish(F.relu(self.grow(self.first(features)))), 4)


def _grown(before: nn.ConvTranspose2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Channel p * C + c is channel c of pixel p = 2 y + x of the square; the norm is folded in."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    factor = norm.weight.data / torch.sqrt(norm.running_var + norm.eps)
    kernel = (before.weight.data * factor[None, :, None, None]).permute(2, 3, 1, 0)
    grow = nn.Conv2d(kernel.shape[3], 4 * kernel.shape[2], 1)
    grow.weight.data = kernel.reshape(-1, kernel.shape[3], 1, 1).contiguous()
    grow.bias = nn.Parameter((norm.bias.data - norm.running_mean * factor).repeat(4))
    return grow


def _finished(after: nn.ConvTranspose2d) -> nn.Conv2d:
    """Sixteen channels, row by row of the 4x4 pixels; each sees the pixel it lies in, no other."""
    channels = after.weight.shape[0]
    finish = nn.Conv2d(4 * channels, 16, 1)
    finish.weight.data.zero_()
    for y in range(4):
        for x in range(4):
            pixel = 2 * (y // 2) + x // 2
            seen = slice(pixel * channels, (pixel + 1) * channels)
            finish.weight.data[4 * y + x, seen, 0, 0] = after.weight.data[:, 0, y % 2, x % 2]
    assert after.bias is not None
    finish.bias = nn.Parameter(after.bias.data.repeat(16))
    return finish


def rewrite_detector(detector: nn.Module) -> None:
    """What read_detector() gives, in place; its answers stay."""
    net = cast(DbNet, detector.net)
    first = cast(nn.Sequential, net.trunk.stem[0])
    first[0] = FoldedStem(cast(nn.Conv2d, first[0]))
    net.probability = cast(nn.Sequential, ShuffledHead(net.probability))
