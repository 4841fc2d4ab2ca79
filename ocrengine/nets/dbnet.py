"""DBNet (Liao et al., arXiv:1911.08947): a trunk, a feature pyramid, and a head of maps.

ResNet-18 is parametric in width: 64 channels and a neck of 256 are the paper's, 32 and 96 what we
ship. The training twin adds the threshold map; running needs the probability map alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ocrengine.nets.blocks import ResidualBlock, convolution

ARCHITECTURE = "dbnet-resnet18"


@dataclass(frozen=True)
class DbConfig:
    width: int = 32
    """Channels of ResNet-18's first stage; each later stage doubles them."""
    neck: int = 96
    """Channels of the pyramid; a multiple of 4."""

    @classmethod
    def from_json(cls, text: str) -> DbConfig:
        """What a checkpoint says of itself; earlier ones name their trunk, which is ResNet-18."""
        fields = json.loads(text)
        return cls(fields["width"], fields["neck"])

    @property
    def in_words(self) -> str:
        return f"{ARCHITECTURE} of width {self.width} and neck {self.neck}"

    @property
    def stages(self) -> tuple[int, int, int, int]:
        """Channels of the four maps that the trunk gives."""
        return self.width, 2 * self.width, 4 * self.width, 8 * self.width


class ResNet18(nn.Module):
    def __init__(self, config: DbConfig) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            convolution(3, config.width, 7, 2), nn.MaxPool2d(3, stride=2, padding=1)
        )
        before = (config.width, *config.stages)
        self.stages = nn.ModuleList(
            nn.Sequential(
                ResidualBlock(before[i], outputs, 1 if i == 0 else 2),
                ResidualBlock(outputs, outputs),
            )
            for i, outputs in enumerate(config.stages)
        )

    def forward(self, pages: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) -> four maps (B, width * 2^i, H / (4 * 2^i), W / (4 * 2^i))"""
        x = self.stem(pages)  # (B, width, H / 4, W / 4)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Pyramid(nn.Module):
    """Coarse maps are added to finer ones, and all are laid side by side at a quarter's size."""

    def __init__(self, config: DbConfig) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Conv2d(channels, config.neck, 1, bias=False) for channels in config.stages
        )
        self.smooth = nn.ModuleList(
            nn.Conv2d(config.neck, config.neck // 4, 3, padding=1, bias=False)
            for _ in config.stages
        )

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Four maps of the trunk -> (B, neck, H / 4, W / 4)"""
        levels = [lateral(x) for lateral, x in zip(self.laterals, maps, strict=True)]
        for i in (2, 1, 0):
            levels[i] = levels[i] + F.interpolate(levels[i + 1], size=levels[i].shape[2:])
        size = levels[0].shape[2:]
        quarters = [
            F.interpolate(smooth(x), size=size)
            for smooth, x in zip(self.smooth, levels, strict=True)
        ]
        return torch.cat(quarters[::-1], dim=1)


def map_head(neck: int) -> nn.Sequential:
    """(B, neck, H / 4, W / 4) -> (B, 1, H, W) logits"""
    inner = neck // 4
    return nn.Sequential(
        convolution(neck, inner),
        nn.ConvTranspose2d(inner, inner, 2, 2, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(inner, 1, 2, 2),
    )


class DbNet(nn.Module):
    def __init__(self, config: DbConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = ResNet18(config)
        self.pyramid = Pyramid(config)
        self.probability = map_head(config.neck)

    def features(self, pages: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, neck, H / 4, W / 4); H and W are multiples of 32."""
        return self.pyramid(self.trunk(pages))

    def forward(self, pages: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) RGB, -1..1 -> (B, 1, H, W) logits of 'inside a line's kernel'"""
        return self.probability(self.features(pages))


class DbNetTwin(DbNet):
    """With the threshold map, which sharpens borders while training and is dropped after."""

    def __init__(self, config: DbConfig) -> None:
        super().__init__(config)
        self.threshold = map_head(config.neck)

    def both(self, pages: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, H, W) -> logits (B, 1, H, W) of the probability and of the threshold"""
        features = self.features(pages)
        return self.probability(features), self.threshold(features)
