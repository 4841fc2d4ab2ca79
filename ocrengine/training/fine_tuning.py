"""Teaching the recogniser a user's own documents without unlearning everybody else's.

Half of every batch is theirs, half is rendered as in the training (replay). Afterwards both are
scored on lines that were not taught; weights that are not better there, or that got worse in
general, replace nothing. The replaced file stays beside the new one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ocrengine.bundles import write_checksums
from ocrengine.charset import Charset
from ocrengine.errors import BundleError
from ocrengine.memory import trim
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import STRIDE, Crnn, CrnnConfig
from ocrengine.training.characters import always_present
from ocrengine.training.corpus import unify
from ocrengine.training.labels import LabelledPage, Picture, labelled_pages
from ocrengine.training.lines import HEIGHT, LineMix, LineRenderer, LineSample, Material
from ocrengine.training.losses import ctc_loss, draw_subset, subset_logits
from ocrengine.training.recognizer import (
    BATCH_COLUMNS,
    RANDOM_CLASSES,
    Labeller,
    LineBatch,
    as_network,
    collate,
    is_learnable,
    read_samples,
)
from ocrengine.training.runs import Average, make_optimizer
from ocrengine.training.scores import character_error_rate, normalize

RATE = 3e-4
"""A seventh of the training's: enough for a new typeface, too little to forget old ones."""
FEWEST_LINES = 20
MOST_GENERAL_LOSS = 0.005
"""Half a point of character error rate on rendered lines."""
REPLAY_POOL = 256
NOWHERE = np.zeros(0, np.float32)
"""Of a labelled line one knows what it says, not where each letter stands."""


@dataclass(frozen=True)
class Scores:
    own: float
    """Character error rate on the user's lines that were kept aside."""
    general: float
    """And on rendered lines, always the same."""


@dataclass(frozen=True)
class Report:
    lines_taught: int
    lines_checked: int
    before: Scores
    after: Scores
    unknown: str
    """Characters in the labels that the network has no class for; their lines were left out."""

    @property
    def is_better(self) -> bool:
        got_worse = self.after.general - self.before.general
        return self.after.own < self.before.own and got_worse <= MOST_GENERAL_LOSS

    def in_words(self) -> str:
        return (
            f"{self.lines_taught} lines taught, {self.lines_checked} kept aside.\n"
            f"own lines:      {self.before.own:.2%} -> {self.after.own:.2%} characters wrong\n"
            f"rendered lines: {self.before.general:.2%} -> {self.after.general:.2%}"
        )


@dataclass(frozen=True)
class UserLines:
    taught: list[LineSample]
    checked: list[LineSample]
    unknown: str


def user_lines(
    pages: Sequence[LabelledPage], checked: Sequence[LabelledPage], charset: Charset
) -> UserLines:
    """Lines of labelled pages; without pages to check on, every fifth is kept aside.

    Whole pages are kept aside: lines of one page look too much alike to judge each other by.
    """
    if not checked:
        pages, checked = (
            [page for i, page in enumerate(pages) if i % 5 != 4],
            [page for i, page in enumerate(pages) if i % 5 == 4],
        )
    labeller = Labeller(charset)
    unknown: set[str] = set()
    parts = [_samples(part, labeller, unknown) for part in (pages, checked)]
    if len(parts[0]) < FEWEST_LINES or len(parts[1]) < FEWEST_LINES // 2:
        raise BundleError(
            f"{len(parts[0])} lines to teach and {len(parts[1])} to check are too few:"
            f" label five pages and {2 * FEWEST_LINES} lines at least"
        )
    return UserLines(parts[0], parts[1], "".join(sorted(unknown)))


def _samples(
    pages: Sequence[LabelledPage], labeller: Labeller, unknown: set[str]
) -> list[LineSample]:
    found = []
    for page in pages:
        for crop, text in page.crops(HEIGHT):
            sample = LineSample(_gray(crop), " ".join(unify(text).split()), NOWHERE)
            if not labeller.knows(sample.text):
                unknown |= {c for c in sample.text if not labeller.knows(c)}
            elif is_learnable(sample):
                found.append(sample)
    return found


def _gray(crop: Picture) -> Picture:
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def prepare(weights: Path, folder: Path, check: Path | None) -> FineTuning:
    """Read the labels, load the weights, and get what this system has to draw with."""
    charset = Charset(tuple(checkpoint.load(weights)[1]["charset"]))
    lines = user_lines(labelled_pages(folder), labelled_pages(check) if check else [], charset)
    return FineTuning(weights, lines, LineRenderer(1, Material.installed()))


class FineTuning:
    def __init__(self, weights: Path, lines: UserLines, renderer: LineRenderer) -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        tensors, self.metadata = checkpoint.load(weights)
        self.charset = Charset(tuple(self.metadata["charset"]))
        self.labeller = Labeller(self.charset)
        self.always = always_present(self.charset)
        self.net = Crnn(CrnnConfig.from_json(self.metadata["config"]))
        self.net.load_state_dict(tensors)
        self.weights, self.lines, self.renderer = weights, lines, renderer
        self.rng = np.random.default_rng(1)
        mix = LineMix()
        self.general = [renderer.sample(mix) for _ in range(REPLAY_POOL)]
        self.average = Average(self.net, 0.98)

    def run(self, epochs: int = 12) -> Report:
        """Teach, score before and after; nothing is written."""
        before = self._scores(self.net)
        optimizer = make_optimizer(self.net, RATE, 1e-2)
        batches_each = max(1, sum(s.picture.shape[1] for s in self.lines.taught) // BATCH_COLUMNS)
        steps = epochs * batches_each * 2
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, (step + 1) / 20) * (1 - 0.95 * step / steps)
            optimizer.zero_grad(set_to_none=True)
            for batch in self._batches():
                (self._loss(batch) / 2).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
            optimizer.step()
            self.average.update(self.net, step)
            # Batches of many shapes leave holes: untrimmed, 3.2 GB instead of 1.7.
            trim()
        learned = copy.deepcopy(self.net)
        learned.load_state_dict(self.average.tensors)
        taught, checked = len(self.lines.taught), len(self.lines.checked)
        return Report(taught, checked, before, self._scores(learned), self.lines.unknown)

    def _batches(self) -> Iterator[LineBatch]:
        """The user's lines, then as many fresh rendered ones, of similar width; apart, as one batch
        of both would need twice the memory."""
        pick = self.rng.integers(len(self.lines.taught))
        width = self.lines.taught[int(pick)].picture.shape[1]
        count = max(2, BATCH_COLUMNS // (2 * max(width, HEIGHT)))
        own = sorted(self.lines.taught, key=lambda s: abs(s.picture.shape[1] - width))
        near = own[: max(2 * count, 8)]
        chosen = [near[int(i)] for i in self.rng.integers(0, len(near), count)]
        yield collate([self._varied(sample) for sample in chosen], self.labeller)
        replay: list[LineSample] = []
        while len(replay) < count:
            sample = self.renderer.sample(LineMix())
            if is_learnable(sample) and sample.picture.shape[1] <= 2 * width + 64:
                replay.append(sample)
        yield collate(replay, self.labeller)

    def _varied(self, sample: LineSample) -> LineSample:
        """Another day's scan of the same line: shifted, squeezed, lighter or darker, noisier."""
        rng, picture = self.rng, sample.picture
        height, width = picture.shape
        move = rng.normal(0, 0.04 * height, (4, 2)).astype(np.float32)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        wide = max(STRIDE * 2 * len(sample.text), round(width * rng.uniform(0.9, 1.1)))
        target = np.array([[0, 0], [wide, 0], [wide, height], [0, height]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners + move, target)
        warped = cv2.warpPerspective(
            picture, matrix, (wide, height), borderMode=cv2.BORDER_REPLICATE
        )
        bright = warped.astype(np.float32) * rng.uniform(0.85, 1.1) + rng.uniform(-15, 15)
        noisy = bright + rng.normal(0, rng.uniform(0, 6), bright.shape)
        return LineSample(noisy.clip(0, 255).astype(np.uint8), sample.text, sample.centres)

    def _loss(self, batch: LineBatch) -> torch.Tensor:
        # Statistics stay those of a million lines; a few hundred would unsettle them.
        self.net.eval()
        subset = draw_subset(
            np.concatenate(batch.labels),
            self.always,
            self.charset.classes,
            min(RANDOM_CLASSES, self.charset.classes - self.always),
            self.rng,
        )
        pictures = batch.pictures.contiguous(memory_format=torch.channels_last)
        logits = subset_logits(self.net.features(pictures), self.net.classifier, subset)
        targets = [subset.position(torch.from_numpy(classes)) for classes in batch.labels]
        return ctc_loss(logits, targets)

    def _scores(self, net: Crnn) -> Scores:
        own, general = (
            _error(net, samples, self.charset) for samples in (self.lines.checked, self.general)
        )
        return Scores(own, general)

    def replace(self, report: Report) -> Path:
        """Land the weights and keep the old ones beside them; BundleError when not better."""
        if not report.is_better:
            raise BundleError("the new weights are not better, and replace nothing")
        kept = self.weights.with_name(f"{self.weights.stem}.previous")
        kept.write_bytes(self.weights.read_bytes())
        counts = {
            "tuned_lines": str(report.lines_taught),
            "tuned_own_error": f"{report.after.own:.4f}",
        }
        checkpoint.save(self.weights, self.average.tensors, self.metadata | counts)
        write_checksums(self.weights.parent, [".safetensors"])
        return kept


def _error(net: Crnn, samples: Sequence[LineSample], charset: Charset) -> float:
    texts = read_samples(as_network(net), samples, charset)
    return character_error_rate([
        (normalize(sample.text), normalize(text))
        for sample, text in zip(samples, texts, strict=True)
    ])  # fmt: skip


def roll_back(weights: Path) -> None:
    """Put the weights back that the last fine-tuning replaced."""
    kept = weights.with_name(f"{weights.stem}.previous")
    if not kept.exists():
        raise BundleError(f"there is no {kept.name} to go back to")
    kept.replace(weights)
    write_checksums(weights.parent, [".safetensors"])
