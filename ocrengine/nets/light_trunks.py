"""Trunks with fewer operations than ResNet-18. They cost less to run, not less to train: depthwise
convolutions gain little from bfloat16 on a CPU."""

from __future__ import annotations

import torch
from torch import nn


def _squashed(
    inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1
) -> nn.Sequential:
    """Convolution and batch norm, without an activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class SqueezeExcite(nn.Module):
    """Each channel is weighed by what the whole map holds (Hu et al., arXiv:1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(8, channels // 4)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, channels, 1),
            nn.Hardsigmoid(inplace=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same shape"""
        return x * self.weigh(x)


class InvertedResidual(nn.Module):
    """Widen, look at each channel alone, narrow again (Howard et al., arXiv:1905.02244)."""

    def __init__(  # noqa: PLR0913, PLR0917  a row of the paper's table
        self,
        inputs: int,
        kernel: int,
        wide: int,
        outputs: int,
        squeeze: bool,
        hard: bool,
        stride: int,
    ) -> None:
        super().__init__()
        activation = nn.Hardswish if hard else nn.ReLU
        layers: list[nn.Module] = [_squashed(inputs, wide, 1, 1), activation(inplace=True)]
        layers += [_squashed(wide, wide, kernel, stride, groups=wide), activation(inplace=True)]
        if squeeze:
            layers.append(SqueezeExcite(wide))
        self.path = nn.Sequential(*layers, _squashed(wide, outputs, 1, 1))
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)"""
        found = self.path(x)
        return x + found if self.is_residual else found


# kernel, widened to, outputs, squeeze, hard swish, stride; grouped by the size of their maps.
_MOBILE = (
    ((3, 16, 16, True, False, 2),),
    ((3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1)),
    (
        (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
        (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1),
    ),
    ((5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1)),
)  # fmt: skip


class MobileNetV3Small(nn.Module):
    stages = (16, 24, 48, 96)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_squashed(3, 16, 3, 2), nn.Hardswish(inplace=True))
        self.blocks, before = nn.ModuleList(), 16
        for rows in _MOBILE:
            stage = nn.Sequential()
            for row in rows:
                stage.append(InvertedResidual(before, *row))
                before = row[2]
            self.blocks.append(stage)

    def forward(self, pages: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) -> maps of 16, 24, 48 and 96 channels at 1/4, 1/8, 1/16 and 1/32"""
        x = self.stem(pages)  # (B, 16, H / 2, W / 2)
        found = []
        for stage in self.blocks:
            x = stage(x)
            found.append(x)
        return found


class ShuffleUnit(nn.Module):
    """Half the channels pass by, the other half is worked on, then both are mixed
    (Ma et al., arXiv:1807.11164)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.is_split = stride == 1
        worked = inputs // 2 if self.is_split else inputs
        self.path = nn.Sequential(
            _squashed(worked, half, 1, 1),
            nn.ReLU(inplace=True),
            _squashed(half, half, 3, stride, groups=half),
            _squashed(half, half, 1, 1),
            nn.ReLU(inplace=True),
        )
        self.around: nn.Module = nn.Identity()
        if not self.is_split:
            self.around = nn.Sequential(
                _squashed(inputs, inputs, 3, stride, groups=inputs),
                _squashed(inputs, half, 1, 1),
                nn.ReLU(inplace=True),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)"""
        passed, worked = x.chunk(2, dim=1) if self.is_split else (x, x)
        joined = torch.cat([self.around(passed), self.path(worked)], dim=1)
        batch, channels, height, width = joined.shape
        halves = joined.view(batch, 2, channels // 2, height, width)
        return halves.transpose(1, 2).reshape(batch, channels, height, width)


class ShuffleNetV2(nn.Module):
    stages = (24, 116, 232, 464)
    repeats = (4, 8, 4)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _squashed(3, 24, 3, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)
        )
        self.blocks, before = nn.ModuleList(), 24
        for outputs, count in zip(self.stages[1:], self.repeats, strict=True):
            units = [ShuffleUnit(before, outputs, 2)]
            units += [ShuffleUnit(outputs, outputs, 1) for _ in range(count - 1)]
            self.blocks.append(nn.Sequential(*units))
            before = outputs

    def forward(self, pages: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) -> maps of 24, 116, 232 and 464 channels at 1/4, 1/8, 1/16 and 1/32"""
        x = self.stem(pages)  # (B, 24, H / 4, W / 4)
        found = [x]
        for stage in self.blocks:
            x = stage(x)
            found.append(x)
        return found
