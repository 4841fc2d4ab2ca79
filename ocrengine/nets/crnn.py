"""CRNN (Shi et al., arXiv:1507.05717) with a thin residual trunk: a line picture, step by step.

The trunk's width stride is 4: with 8 the two letters of "ll" fall into one step and CTC loses one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import torch
from torch import nn

from ocrengine.nets.blocks import ResidualBlock, convolution

STRIDE = 4
"""Columns of the picture to one step of the output."""


@dataclass(frozen=True)
class CrnnConfig:
    classes: int
    """Characters and the blank."""
    height: int = 32
    stem: int = 32
    channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    hidden: int = 128
    """Of the LSTM, each way."""

    @classmethod
    def from_json(cls, text: str) -> CrnnConfig:
        fields = json.loads(text)
        return cls(**fields | {"channels": tuple(fields["channels"])})

    @property
    def features(self) -> int:
        return 2 * self.hidden


class Crnn(nn.Module):
    def __init__(self, config: CrnnConfig) -> None:
        super().__init__()
        self.config = config
        one, two, three, four = config.channels
        self.stem = convolution(1, config.stem, 3, 2)
        self.trunk = nn.Sequential(
            ResidualBlock(config.stem, one),
            ResidualBlock(one, two, 2),
            ResidualBlock(two, three, (2, 1)),
            ResidualBlock(three, four, (2, 1)),
        )
        rows = config.height // 16
        self.columns = nn.Sequential(
            nn.Conv2d(four, config.features, (rows, 1), bias=False),
            nn.BatchNorm2d(config.features),
            nn.ReLU(inplace=True),
        )
        self.context = nn.LSTM(config.features, config.hidden, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(config.features, config.classes)

    def features(self, lines: torch.Tensor) -> torch.Tensor:
        """(B, 1, height, W) -> (B, T = W / 4, features): what the classifier sees."""
        x = self.stem(lines)  # (B, stem, height / 2, W / 2)
        x = self.trunk(x)  # -> (B, 256, height / 16, W / 4)
        x = self.columns(x)  # -> (B, features, 1, W / 4)
        x = x.squeeze(2).transpose(1, 2)  # -> (B, T, features): one step per four columns
        # Around the LSTM too: what a letter looks like need not pass through its memory.
        return x + self.context(x)[0]

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """(B, 1, height, W) gray, -1..1 -> (B, T = W / 4, classes) logits; W a multiple of 4."""
        return self.classifier(self.features(lines))
