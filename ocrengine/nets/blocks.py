"""The residual block that both networks are made of."""

from __future__ import annotations

import torch
from torch import nn

Stride = int | tuple[int, int]


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: Stride = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU; the size is divided by the stride."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a way around them (He et al., arXiv:1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: Stride = 1) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride)
        self.second = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.around: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.around = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)"""
        return torch.relu(self.second(self.first(x)) + self.around(x))
