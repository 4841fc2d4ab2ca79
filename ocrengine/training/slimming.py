"""Structured pruning: a narrower detector, made of the strongest channels of a trained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from ocrengine.errors import BundleError
from ocrengine.nets.dbnet import DbConfig, DbNetTwin

Tensors = Mapping[str, torch.Tensor]


def prune_detector(tensors: Tensors, before: DbConfig, after: DbConfig) -> dict[str, torch.Tensor]:
    """Weights of a ResNet-18 detector, narrowed from one configuration to the other.

    Kept are the channels that weigh most: the scale of the batch norm that makes them, times the
    L1 norm of the kernels that use them. Channels that are added up are kept or dropped together.
    Raises BundleError when nothing is to be cut.
    """
    if after.width > before.width or after.neck > before.neck:
        raise BundleError(f"{before.in_words} cannot be cut to {after.in_words}")
    knife = _Knife(dict(tensors))
    stage = knife.strongest(["trunk.stem.0.1", *_written(0)], after.width)
    knife.cut_made("trunk.stem.0.0", "trunk.stem.0.1", stage)
    for i, wide in enumerate(after.stages):
        kept = stage if i == 0 else knife.strongest(_written(i), wide)
        knife.cut_stage(i, stage, kept)
        knife.cut_used(f"pyramid.laterals.{i}", kept)
        stage = kept
    knife.cut_pyramid(after.neck)
    for head in ("probability", "threshold"):
        knife.cut_head(head, after.neck // 4)
    DbNetTwin(after).load_state_dict(knife.tensors)  # everything fits, or this says what does not
    return knife.tensors


def _written(stage: int) -> list[str]:
    """Batch norms whose outputs are added up in a stage of the trunk."""
    at = f"trunk.stages.{stage}"
    around = [f"{at}.0.around.1"] if stage else []
    return [f"{at}.0.second.1", *around, f"{at}.1.second.1"]


@dataclass
class _Knife:
    tensors: dict[str, torch.Tensor]
    quarters: list[torch.Tensor] = field(default_factory=list)

    def strongest(self, norms: list[str], count: int) -> torch.Tensor:
        """Places of the channels with the largest scales, summed over those batch norms."""
        scale = torch.stack([self.tensors[f"{norm}.weight"].abs() for norm in norms]).sum(0)
        return _largest(scale, count)

    def cut_made(self, convolution: str, norm: str | None, kept: torch.Tensor) -> None:
        """Outputs of a convolution and of its batch norm."""
        self._take(f"{convolution}.weight", 0, kept)
        if norm:
            for name in ("weight", "bias", "running_mean", "running_var"):
                self._take(f"{norm}.{name}", 0, kept)

    def cut_used(self, convolution: str, kept: torch.Tensor) -> None:
        """Inputs of a convolution."""
        self._take(f"{convolution}.weight", 1, kept)

    def cut_stage(self, i: int, inputs: torch.Tensor, kept: torch.Tensor) -> None:
        for block in (0, 1):
            at = f"trunk.stages.{i}.{block}"
            weighed = self.tensors[f"{at}.first.1.weight"].abs() * self._use(f"{at}.second.0")
            inner = _largest(weighed, len(kept))
            self.cut_used(f"{at}.first.0", inputs if block == 0 else kept)
            self.cut_made(f"{at}.first.0", f"{at}.first.1", inner)
            self.cut_used(f"{at}.second.0", inner)
            self.cut_made(f"{at}.second.0", f"{at}.second.1", kept)
        if f"trunk.stages.{i}.0.around.0.weight" in self.tensors:
            self.cut_used(f"trunk.stages.{i}.0.around.0", inputs)
            self.cut_made(f"trunk.stages.{i}.0.around.0", f"trunk.stages.{i}.0.around.1", kept)

    def cut_pyramid(self, neck: int) -> None:
        levels = range(4)
        laterals = [self.tensors[f"pyramid.laterals.{i}.weight"] for i in levels]
        made = torch.stack([lateral.abs().sum((1, 2, 3)) for lateral in laterals]).sum(0)
        used = torch.stack([self._use(f"pyramid.smooth.{i}") for i in levels]).sum(0)
        kept = _largest(made * used, neck)
        narrow = self.tensors["pyramid.smooth.0.weight"].shape[0]
        head = self._use("probability.0.0") + self._use("threshold.0.0")
        for i in levels:
            self.cut_made(f"pyramid.laterals.{i}", None, kept)
            self.cut_used(f"pyramid.smooth.{i}", kept)
            # The coarsest level is laid down first.
            place = (3 - i) * narrow
            own = self.tensors[f"pyramid.smooth.{i}.weight"].abs().sum((1, 2, 3))
            strong = _largest(own * head[place : place + narrow], neck // 4)
            self.cut_made(f"pyramid.smooth.{i}", None, strong)
            self.quarters.insert(0, strong + place)

    def cut_head(self, head: str, inner: int) -> None:
        self.cut_used(f"{head}.0.0", torch.cat(self.quarters))
        # A transposed convolution's inputs come first, its outputs second.
        first = self.tensors[f"{head}.1.weight"].abs().sum((1, 2, 3))
        kept = _largest(self.tensors[f"{head}.0.1.weight"].abs() * first, inner)
        self.cut_made(f"{head}.0.0", f"{head}.0.1", kept)
        self._take(f"{head}.1.weight", 0, kept)
        second = self.tensors[f"{head}.4.weight"].abs().sum((1, 2, 3))
        kept = _largest(self.tensors[f"{head}.2.weight"].abs() * second, inner)
        self._take(f"{head}.1.weight", 1, kept)
        for name in ("weight", "bias", "running_mean", "running_var"):
            self._take(f"{head}.2.{name}", 0, kept)
        self._take(f"{head}.4.weight", 0, kept)

    def _use(self, convolution: str) -> torch.Tensor:
        """L1 norm of the kernels that look at each input."""
        return self.tensors[f"{convolution}.weight"].abs().sum((0, 2, 3))

    def _take(self, name: str, axis: int, kept: torch.Tensor) -> None:
        self.tensors[name] = self.tensors[name].index_select(axis, kept).contiguous()


def _largest(weighed: torch.Tensor, count: int) -> torch.Tensor:
    return weighed.topk(count).indices.sort().values
