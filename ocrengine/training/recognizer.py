"""Training the recogniser: lines in, one process, one core or one GPU."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ocrengine import ctc
from ocrengine.bundles import Network
from ocrengine.charset import BLANK, Charset
from ocrengine.nets.crnn import STRIDE, Crnn, CrnnConfig
from ocrengine.training.characters import always_present, build_charset
from ocrengine.training.lines import HEIGHT, LineMix, LineRenderer, LineSample, Material
from ocrengine.training.losses import ctc_loss, draw_subset, frame_loss, subset_logits
from ocrengine.training.runs import SYMMETRIC, Order, Run, Schedule, training_device
from ocrengine.training.scores import character_error_rate, normalize

WIDTH_STEP = 32
BATCH_COLUMNS = 4096
POOL = 192
"""Lines drawn at a time and sorted by width, so that batches waste little on padding."""
RANDOM_CLASSES = 1000
RATE = 2e-3
FRAMES_ALONE = 60_000
"""Lines taught step by step only; then CTC, and the frames' part fades out."""
FRAMES_FADE = 300_000
CHECK_EVERY = 20_000
CHECK_LINES = 256
WEIGHTS = Path(__file__).parents[1] / "weights" / "recognizer.safetensors"


@dataclass(frozen=True)
class LineBatch:
    pictures: torch.Tensor
    """(B, 1, HEIGHT, W) float32, -1..1; padding is 0, as the engine pads"""
    labels: list[NDArray[np.int64]]
    """Classes of each line's characters"""
    frames: NDArray[np.int64]
    """(B, T) class whose middle a step shows, or the blank"""

    @property
    def characters(self) -> int:
        return sum(map(len, self.labels))


def start(order: Order) -> None:
    """Train on what this system has installed."""
    check = held_out_lines(Material.installed(held_out=True), CHECK_LINES)
    RecognizerTraining(order, Material.installed(), check).train()


class Labeller:
    """Texts -> classes."""

    def __init__(self, charset: Charset) -> None:
        self._class_of = {character: i + 1 for i, character in enumerate(charset.characters)}

    def classes(self, text: str) -> NDArray[np.int64]:
        return np.array([self._class_of[character] for character in text], np.int64)

    def knows(self, text: str) -> bool:
        return all(character in self._class_of for character in text)


def collate(samples: Sequence[LineSample], labeller: Labeller) -> LineBatch:
    """Lines of similar width -> a padded batch."""
    width = max(sample.picture.shape[1] for sample in samples)
    width = -(-width // WIDTH_STEP) * WIDTH_STEP
    pictures = np.zeros((len(samples), 1, HEIGHT, width), np.float32)
    frames = np.full((len(samples), width // STRIDE), BLANK, np.int64)
    labels = []
    for row, sample in enumerate(samples):
        pictures[row, 0, :, : sample.picture.shape[1]] = sample.picture / np.float32(127.5) - 1
        classes = labeller.classes(sample.text)
        places = np.clip((sample.centres / STRIDE).astype(int), 0, frames.shape[1] - 1)
        if len(places):
            frames[row, places] = classes
        labels.append(classes)
    return LineBatch(torch.from_numpy(pictures), labels, frames)


def is_learnable(sample: LineSample) -> bool:
    """CTC needs a step per character and one more between two of the same."""
    steps = sample.picture.shape[1] // STRIDE
    doubles = sum(a == b for a, b in zip(sample.text, sample.text[1:], strict=False))
    return 0 < len(sample.text) + doubles <= steps


def batches(renderer: LineRenderer, mix: LineMix, labeller: Labeller) -> list[LineBatch]:
    """One pool of lines, as batches of about BATCH_COLUMNS columns, in random order."""
    drawn = [renderer.sample(mix) for _ in range(POOL)]
    kept = [sample for sample in drawn if is_learnable(sample) and labeller.knows(sample.text)]
    kept.sort(key=lambda sample: sample.picture.shape[1])
    found: list[LineBatch] = []
    batch: list[LineSample] = []
    for sample in kept:
        if batch and (len(batch) + 1) * sample.picture.shape[1] > BATCH_COLUMNS:
            found.append(collate(batch, labeller))
            batch = []
        batch.append(sample)
    found.append(collate(batch, labeller))
    order = renderer.rng.permutation(len(found))
    return [found[i] for i in order]


def mix_at(lines: int) -> LineMix:
    """Short lines and Latin letters first; then ever more Chinese, which has more to learn."""
    longest = 6 + min(42, lines // 1200)
    chinese = 0.25 + 0.3 * min(1.0, lines / 120_000)
    return LineMix(chinese=chinese, longest=longest)


def frames_share(lines: int) -> float:
    """How much the step-by-step loss counts beside CTC's, once that has begun."""
    return 0.3 * max(0.0, 1 - (lines - FRAMES_ALONE) / FRAMES_FADE)


class RecognizerTraining:
    def __init__(
        self,
        order: Order,
        material: Material,
        check: dict[str, list[LineSample]],
        config: CrnnConfig | None = None,
    ) -> None:
        """check   lines of each kind that the weights are scored on"""
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        torch.manual_seed(order.seed)
        self.charset = build_charset()
        self.labeller = Labeller(self.charset)
        self.always = always_present(self.charset)
        self.material, self.check = material, check
        net = Crnn(config or CrnnConfig(classes=self.charset.classes))
        self.device = training_device()
        self.net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        about = about_recognizer(net.config, self.charset)
        self.run = Run(order, self.net, Schedule(RATE, order.until), about)

    def train(self) -> None:
        """Until the schedule's end; may be killed at any moment, and loses nothing on Ctrl-C."""
        print(self.run.resume(), flush=True)
        try:
            self._go_on()
            self.check_up()
        finally:
            self.run.end()

    def _go_on(self) -> None:
        seed = self.run.order.seed_at(self.run.seen.steps)
        renderer = LineRenderer(seed, self.material)
        rng = np.random.default_rng(seed)
        next_check = (self.run.seen.samples // CHECK_EVERY + 1) * CHECK_EVERY
        while not self.run.is_finished:
            for batch in batches(renderer, mix_at(self.run.seen.samples), self.labeller):
                loss = self.loss_of(batch, rng)
                self.run.step(loss, len(batch.labels), batch.characters)
                self.run.keep_up()
                if self.run.is_finished:
                    break  # all processes take the same number of steps
            if self.run.seen.samples >= next_check:
                next_check += CHECK_EVERY
                self.check_up()

    def check_up(self) -> None:
        """Score, remember, and land the weights if they are the best so far."""
        if not self.run.order.peers.is_first:
            return
        scores = self.score(self.run.average.tensors)
        print(scores, flush=True)
        landed = self.run.land(
            sum(scores.values()), lambda tensors: sum(self.score(tensors).values())
        )
        self.run.note({**scores, "landed": landed})
        self.run.plot()

    def loss_of(self, batch: LineBatch, rng: np.random.Generator) -> torch.Tensor:
        self.net.train()
        subset = draw_subset(
            np.concatenate(batch.labels), self.always, self.charset.classes, RANDOM_CLASSES, rng
        ).to(self.device)
        pictures = batch.pictures.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            features = self.net.features(pictures)
            logits = subset_logits(features, self.net.classifier, subset).float()
        frames = subset.position(torch.from_numpy(batch.frames).to(self.device))
        lines = self.run.seen.samples
        if lines < FRAMES_ALONE:
            return frame_loss(logits, frames)
        labels = [torch.from_numpy(classes).to(self.device) for classes in batch.labels]
        targets = [subset.position(classes) for classes in labels]
        loss = ctc_loss(logits, targets)
        share = frames_share(lines)
        return loss + share * frame_loss(logits, frames) if share else loss

    def score(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Character error rates of weights on held-out fonts and text."""
        net = Crnn(self.net.config)
        net.load_state_dict(tensors)
        return score_lines(as_network(net), self.check, self.charset)


def score_lines(
    network: Network, check: dict[str, list[LineSample]], charset: Charset
) -> dict[str, float]:
    """cer_<kind> -> character error rate"""
    scores = {}
    for name, samples in check.items():
        read = read_samples(network, samples, charset)
        pairs = [
            (normalize(sample.text), normalize(text))
            for sample, text in zip(samples, read, strict=True)
        ]
        scores[f"cer_{name}"] = round(character_error_rate(pairs), 4)
    return scores


def held_out_lines(
    material: Material, count: int, seed: int = 20_000
) -> dict[str, list[LineSample]]:
    """Lines of held-out material, always the same."""
    renderer = LineRenderer(seed, material)
    mix = LineMix(longest=32)
    return {
        name: [renderer.sample(replace(mix, chinese=share)) for _ in range(count)]
        for name, share in (("english", 0.0), ("chinese", 1.0))
    }


def as_network(net: Crnn) -> Network:
    """(B, 3, HEIGHT, W) -> (B, T, C) logits, as every form of a recogniser gives them"""
    net.eval()

    @torch.inference_mode()
    def answer(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = net(torch.from_numpy(batch[:, :1])).numpy()
        return logits

    return answer


def read_samples(network: Network, samples: Sequence[LineSample], charset: Charset) -> list[str]:
    """Greedy readings, one line at a time."""
    texts = []
    for batch in _as_batches(samples):
        best, probability = ctc.best_path(network(batch), logits=True)
        texts.append(ctc.decode(best[0], probability[0], charset)[0])
    return texts


def _as_batches(samples: Sequence[LineSample]) -> Iterator[NDArray[np.float32]]:
    """(1, 3, HEIGHT, W) each, all three channels alike"""
    for sample in samples:
        width = -(-sample.picture.shape[1] // WIDTH_STEP) * WIDTH_STEP
        padded = np.zeros((1, 3, HEIGHT, width), np.float32)
        padded[..., : sample.picture.shape[1]] = sample.picture / np.float32(127.5) - 1
        yield padded


def about_recognizer(config: CrnnConfig, charset: Charset) -> dict[str, str]:
    """Metadata of the checkpoint: everything that must agree with the weights."""
    return {
        "architecture": "crnn",
        "config": json.dumps(vars(config)),
        "charset": "".join(charset.characters),
        "preprocessing": json.dumps(SYMMETRIC),
        "provenance": "trained by manage.py train_recognizer on lines rendered from free fonts",
        "licence": "Apache-2.0",
    }
