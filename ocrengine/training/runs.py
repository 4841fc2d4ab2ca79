"""A training that can be killed at any moment: what is kept, where, and how it goes on.

Two files. `state.pt` in the training folder holds everything, the optimizer too, and is replaced
every few minutes. The averaged weights, an ordinary checkpoint with counts of what was seen, land
where they are shipped from each time they err less on the held-out check; a training can go on
from those alone, with a fresh optimizer.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ocrengine.bundles import write_checksums
from ocrengine.memory import trim
from ocrengine.nets import checkpoint
from ocrengine.training.peers import Peers
from ocrengine.training.plots import plot_history

SAVE_EVERY = 240.0
"""Seconds; a kill loses at most these."""
SAY_EVERY = 20.0
GRADIENT_LIMIT = 2.0
TRIM_EVERY = 8
"""Steps between two givings back of freed memory: batches of many shapes leave holes, which grew to
5.7 GB in ten minutes; trimmed, a recogniser takes 1.8 GB at the same speed."""
ErrorOf = Callable[[Mapping[str, torch.Tensor]], float]
SYMMETRIC = {"mean": [0.5] * 3, "std": [0.5] * 3, "bgr": False}
"""Preprocessing of both networks: RGB (the recogniser makes it gray), -1..1."""


@dataclass(frozen=True)
class Schedule:
    """The learning rate, by samples seen: wall time would anneal too early on a busy machine."""

    rate: float
    until: int
    """Samples after which the training ends."""
    warm_up_steps: int = 200
    anneal_share: float = 0.3
    """Last part of the training, in which the rate falls to a fiftieth along a cosine."""

    def rate_at(self, steps: int, samples: int) -> float:
        rate = self.rate * min(1.0, (steps + 1) / self.warm_up_steps)
        start = self.until * (1 - self.anneal_share)
        if samples <= start:
            return rate
        done = min(1.0, (samples - start) / (self.until - start))
        return rate * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)


@dataclass(frozen=True)
class Order:
    """What somebody asked for when a training was started."""

    folder: Path
    """Of state.pt and history.jsonl"""
    weights: Path
    """Where the averaged checkpoint lands."""
    until: int
    """Samples seen in all, those of earlier starts too."""
    seed: int = 1
    peers: Peers = field(default_factory=Peers)
    """Processes that train it together"""

    def seed_at(self, steps: int) -> int:
        """Of the samples to draw after that many steps: others than those that were seen, and
        others than those of the other processes."""
        return self.seed + steps + 1_000_003 * self.peers.rank


@dataclass
class Seen:
    """What a training has been through; travels with its weights."""

    steps: int = 0
    samples: int = 0
    characters: int = 0
    cpu_seconds: float = 0.0

    def as_metadata(self) -> dict[str, str]:
        return {f"seen_{name}": str(round(value)) for name, value in vars(self).items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Seen:
        start = vars(cls()).items()
        return cls(**{name: type(zero)(metadata.get(f"seen_{name}", 0)) for name, zero in start})


def training_device() -> torch.device:
    """The one GPU that torch finds, else one core."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Average:
    """Exponential moving average of weights and of batch-norm statistics.

    A constant rate with an average scores like an annealed rate, at any moment one looks.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: value.detach().clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module, steps: int) -> None:
        decay = min(self.decay, (1 + steps) / (10 + steps))
        for name, value in net.state_dict().items():
            kept = self.tensors[name]
            if value.dtype.is_floating_point:
                kept.lerp_(value.detach(), 1 - decay)
            else:
                kept.copy_(value)


def make_optimizer(net: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW; weight decay on matrices and kernels only."""
    matrices = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate)


@dataclass
class Run:
    """One network in training, its files, and its progress."""

    order: Order
    net: nn.Module
    schedule: Schedule
    about: dict[str, str]
    """Metadata of the checkpoint: architecture, charset, preprocessing, provenance."""
    weight_decay: float = 1e-2
    average_decay: float = 0.999
    seen: Seen = field(default_factory=Seen)
    _saved_at: float = field(default_factory=time.monotonic)
    _said_at: float = field(default_factory=time.monotonic)
    _cpu_at: float = field(default_factory=time.process_time)
    _losses: list[float] = field(default_factory=list)
    _to_beat: float | None = None

    def __post_init__(self) -> None:
        self.order.folder.mkdir(parents=True, exist_ok=True)
        self.optimizer = make_optimizer(self.net, self.schedule.rate, self.weight_decay)
        self.average = Average(self.net, self.average_decay)

    @property
    def is_finished(self) -> bool:
        return self.seen.samples >= self.schedule.until

    def resume(self) -> str:
        """Go on from state.pt, else from the averaged weights, else from nothing; says which."""
        state = self.order.folder / "state.pt"
        if state.exists():
            device = next(self.net.parameters()).device
            kept = torch.load(state, weights_only=True, map_location=device)
            self.net.load_state_dict(kept["net"])
            self.optimizer.load_state_dict(kept["optimizer"])
            self.average.tensors = kept["average"]
            self.seen = Seen(**kept["seen"])
            return f"goes on at {self.seen.samples} samples from {state.name}"
        if self.order.weights.exists():
            tensors, metadata = checkpoint.load(self.order.weights)
            self.net.load_state_dict(tensors, strict=False)
            self.average = Average(self.net, self.average_decay)
            self.seen = Seen.from_metadata(metadata)
            return f"goes on at {self.seen.samples} samples from {self.order.weights.name}"
        return "starts anew"

    def step(self, loss: torch.Tensor, samples: int, characters: int = 0) -> None:
        """Backward, clip, update, count."""
        rate = self.schedule.rate_at(self.seen.steps, self.seen.samples)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        peers = self.order.peers
        samples, characters = peers.average(self.net.parameters(), [samples, characters])
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), GRADIENT_LIMIT)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update(self.net, self.seen.steps)
        self.seen.steps += 1
        self.seen.samples += samples
        self.seen.characters += characters
        self._losses.append(float(loss.detach()))
        if self.seen.steps % TRIM_EVERY == 0:
            trim()

    def keep_up(self, extra: str = "") -> None:
        """Say and save when it is time."""
        if not self.order.peers.is_first:
            return
        now = time.monotonic()
        if now - self._said_at > SAY_EVERY:
            self._said_at = now
            self.say(extra)
        if now - self._saved_at > SAVE_EVERY:
            self.save()

    def say(self, extra: str = "") -> None:
        """One line of progress, and one of history for the plots."""
        self._count_cpu()
        if not self._losses:
            return
        loss = sum(self._losses) / len(self._losses)
        self._losses.clear()
        done = self.seen.samples / self.schedule.until
        bar = "#" * round(24 * done) + "-" * (24 - round(24 * done))
        rate = self.seen.samples / max(self.seen.cpu_seconds, 1.0)
        line = f"[{bar}] {self.seen.samples} samples, {self.seen.steps} steps, loss {loss:.3f}"
        sys.stdout.write(f"{line}, {rate:.0f} per CPU second {extra}\n")
        sys.stdout.flush()
        self.note({"loss": round(loss, 4)})

    def note(self, facts: Mapping[str, Any]) -> None:
        """Append to history.jsonl; nobody has to keep it, the plots are made from it."""
        with (self.order.folder / "history.jsonl").open("a") as file:
            file.write(json.dumps({**vars(self.seen), **facts}) + "\n")

    def end(self) -> None:
        """What was learned since the last save is kept."""
        if self.order.peers.is_first:
            self.say()
            self.save()

    def plot(self) -> None:
        """Draw the history as it stands."""
        plot_history(self.order.folder / "history.jsonl", self.order.folder / "plot.svg")

    def _count_cpu(self) -> None:
        cpu = time.process_time()
        # Of all processes: they work in step.
        self.seen.cpu_seconds += (cpu - self._cpu_at) * self.order.peers.count
        self._cpu_at = cpu

    def save(self) -> None:
        """Everything, whole or not at all."""
        self._count_cpu()
        self._saved_at = time.monotonic()
        half = self.order.folder / "state.half"
        torch.save(
            {
                "net": self.net.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average.tensors,
                "seen": vars(self.seen),
            },
            half,
        )
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(self.order.folder / "state.pt")

    def land(self, error: float, error_of: ErrorOf) -> bool:
        """Put the averaged weights where they are shipped from, unless those err less.

        error      of the averaged weights, on the held-out check
        error_of   the same for other tensors: what has landed is scored anew by each start, as
                   the check changes with the pictures that are drawn
        """
        if self._to_beat is None and self.order.weights.exists():
            self._to_beat = error_of(checkpoint.load(self.order.weights)[0])
        if self._to_beat is not None and error > self._to_beat:
            return False
        self._to_beat = error
        counts = self.seen.as_metadata()
        metadata = {**self.about, **counts, "held_out_error": f"{error:.4f}"}
        checkpoint.save(self.order.weights, self.average.tensors, metadata)
        write_checksums(self.order.weights.parent, [".safetensors"])
        return True
