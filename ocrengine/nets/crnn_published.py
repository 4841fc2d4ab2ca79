"""CRNNs in the layouts that others published, for compatibility: meijieru's and clovaai's.

Modules are named as in their checkpoints (github.com/meijieru/crnn.pytorch;
github.com/clovaai/deep-text-recognition-benchmark, None-VGG-BiLSTM-CTC, whose layout EasyOCR's
second generation shares), and the graphs are theirs (Shi et al., arXiv:1507.05717).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn

from ocrengine.nets.crnn_vgg import ProjectedLstm


@dataclass(frozen=True)
class PublishedCrnnConfig:
    classes: int
    """Characters and the blank, which comes first."""
    channels: int = 512
    """Of the last convolution; the first has an eighth."""
    hidden: int = 256
    """Units of each direction of the LSTMs."""
    height: int = 32


class MeijieruCrnn(nn.Module):
    def __init__(self, config: PublishedCrnnConfig) -> None:
        super().__init__()
        self.config = config
        eighth = config.channels // 8
        widths = [1, *(eighth * times for times in (1, 2, 4, 4, 8, 8, 8))]
        pools = {
            0: nn.MaxPool2d(2), 1: nn.MaxPool2d(2),
            3: nn.MaxPool2d(2, (2, 1), (0, 1)), 5: nn.MaxPool2d(2, (2, 1), (0, 1)),
        }  # fmt: skip
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for i in range(7):
            last = i == 6
            layers[f"conv{i}"] = nn.Conv2d(
                widths[i], widths[i + 1], 2 if last else 3, 1, 0 if last else 1
            )
            if i in (2, 4, 6):
                layers[f"batchnorm{i}"] = nn.BatchNorm2d(widths[i + 1])
            layers[f"relu{i}"] = nn.ReLU(inplace=True)
            if i in pools:
                layers[f"pooling{i}"] = pools[i]
        self.cnn = nn.Sequential(layers)
        self.rnn = nn.Sequential(
            ProjectedLstm(config.channels, config.hidden, config.hidden),
            ProjectedLstm(config.hidden, config.hidden, config.classes),
        )

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """(B, 1, 32, W) gray, -1..1 -> (B, T = W / 4 + 1, classes) logits"""
        x = self.cnn(lines).squeeze(2)  # -> (B, channels, T)
        return self.rnn(x.permute(2, 0, 1)).transpose(0, 1)


class _Sequence(nn.Module):
    """clovaai's: the same, with its batch first and a linear layer called `linear`."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(2 * hidden, hidden)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """(B, T, inputs) -> (B, T, hidden)"""
        return self.linear(self.rnn(steps)[0])


class _Vgg(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        one, two, four, eight = (channels // part for part in (8, 4, 2, 1))

        def conv(inputs: int, outputs: int, bias: bool = True) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, 3, 1, 1, bias=bias)

        self.ConvNet = nn.Sequential(
            conv(1, one), nn.ReLU(True), nn.MaxPool2d(2),
            conv(one, two), nn.ReLU(True), nn.MaxPool2d(2),
            conv(two, four), nn.ReLU(True),
            conv(four, four), nn.ReLU(True), nn.MaxPool2d((2, 1)),
            conv(four, eight, bias=False), nn.BatchNorm2d(eight), nn.ReLU(True),
            conv(eight, eight, bias=False), nn.BatchNorm2d(eight), nn.ReLU(True),
            nn.MaxPool2d((2, 1)),
            nn.Conv2d(eight, eight, 2), nn.ReLU(True),
        )  # fmt: skip

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """(B, 1, height, W) -> (B, channels, rows, T = W / 4 - 1)"""
        return self.ConvNet(lines)


class ClovaaiCrnn(nn.Module):
    def __init__(self, config: PublishedCrnnConfig) -> None:
        super().__init__()
        self.config = config
        self.FeatureExtraction = _Vgg(config.channels)
        self.SequenceModeling = nn.Sequential(
            _Sequence(config.channels, config.hidden), _Sequence(config.hidden, config.hidden)
        )
        self.Prediction = nn.Linear(config.hidden, config.classes)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """(B, 1, height, W) gray, -1..1 -> (B, T = W / 4 - 1, classes) logits"""
        x = self.FeatureExtraction(lines).mean(dim=2)  # -> (B, channels, T)
        return self.Prediction(self.SequenceModeling(x.transpose(1, 2)))
