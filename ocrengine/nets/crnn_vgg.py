"""The classic CRNN (Shi et al., arXiv:1507.05717) with a VGG trunk, for compatibility.

Modules are named as in the checkpoints that are published in this layout, and the graph is theirs:
pools (2,2), (2,2), (2,1), (2,1), a last convolution over two rows, two LSTMs with projections.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class VggCrnnConfig:
    classes: int
    """Characters and the blank."""
    width: int = 64
    """Channels of the first convolution; the last have eight times as many."""
    height: int = 32
    """48 collapses to one row as well, with one row of 3 dropped: the profile 48 x 160."""


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class ProjectedLstm(nn.Module):
    """A bidirectional LSTM and a linear layer."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, bidirectional=True)
        self.embedding = nn.Linear(2 * hidden, outputs)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """(T, B, inputs) -> (T, B, outputs)"""
        return self.embedding(self.rnn(steps)[0])


class VggCrnn(nn.Module):
    def __init__(self, config: VggCrnnConfig) -> None:
        super().__init__()
        self.config = config
        one, two, four, eight = (config.width * times for times in (1, 2, 4, 8))
        self.conv0 = nn.Sequential(*_convolution(1, one))
        self.conv1 = nn.Sequential(*_convolution(one, two))
        self.conv2 = nn.Sequential(*_convolution(two, four), *_convolution(four, four))
        self.conv3 = nn.Sequential(*_convolution(four, eight), *_convolution(eight, eight))
        self.conv4 = nn.Sequential(
            nn.Conv2d(eight, eight, (2, 1), (2, 1)), nn.BatchNorm2d(eight), nn.ReLU(inplace=True)
        )
        self.rnn = nn.Sequential(ProjectedLstm(eight, four, four), ProjectedLstm(four, four, eight))
        self.cls = nn.Linear(eight, config.classes, bias=False)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """(B, 1, height, W) gray, 0..1 -> (B, T = W / 4, classes) logits"""
        x = F.max_pool2d(self.conv0(lines), 2)  # (B, width, height / 2, W / 2)
        x = F.max_pool2d(self.conv1(x), 2)  # -> (B, 2 width, height / 4, W / 4)
        x = F.max_pool2d(self.conv2(x), (2, 1))  # -> (B, 4 width, height / 8, W / 4)
        x = F.max_pool2d(self.conv3(x), (2, 1))  # -> (B, 8 width, height / 16, W / 4)
        x = self.conv4(x).squeeze(2)  # -> (B, 8 width, W / 4)
        x = self.rnn(x.permute(2, 0, 1))  # -> (T, B, 8 width)
        return self.cls(x).transpose(0, 1)
