"""Training the detector: pages in, one process, one core or one GPU."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ocrengine.bundles import FAST_DETECTING, Network
from ocrengine.detect import boxes_from_map
from ocrengine.errors import BundleError
from ocrengine.geometry import Quads, unclip
from ocrengine.nets import checkpoint
from ocrengine.nets.dbnet import ARCHITECTURE, DbConfig, DbNet, DbNetTwin
from ocrengine.training.db_targets import make_targets
from ocrengine.training.lines import Material
from ocrengine.training.losses import db_loss
from ocrengine.training.pages import PageRenderer, PageSample
from ocrengine.training.runs import SYMMETRIC, Order, Run, Schedule, training_device
from ocrengine.training.slimming import prune_detector

SIDE = 512
BATCH = 4
RATE = 2e-3
HUGGING = 1.6
"""Unclip ratio with which lines are scored here: rendered outlines hug the ink. What the recogniser
is given has the margins it was trained with, see FAST_DETECTING."""
CHECK_EVERY = 1000
CHECK_PAGES = 40
BIAS = -2.0
"""Of the probability at the start: most of a page is not text."""
WEIGHTS = Path(__file__).parents[1] / "weights" / "detector.safetensors"


def as_input(pictures: list[np.ndarray]) -> torch.Tensor:
    """(H, W, 3) uint8 RGB each -> (B, 3, H, W) float32, -1..1"""
    stacked = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    return torch.from_numpy(stacked).contiguous(memory_format=torch.channels_last)


def collate(pages: list[PageSample]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Pages of one size -> pictures and the maps they should give, (B, S, S) each"""
    targets = [make_targets(page.picture.shape[0], page.quads, page.ignored) for page in pages]
    maps = {name: torch.from_numpy(np.stack([t[name] for t in targets])) for name in targets[0]}
    return as_input([page.picture for page in pages]), maps


def start(order: Order, side: int, config: DbConfig, pruned: Path | None = None) -> None:
    """Train on what this system has installed. Raises BundleError when the weights to go on from
    are of another shape.

    pruned   a checkpoint, whose strongest channels a new training starts with
    """
    if order.weights.exists() and (found := read_net(order.weights).config) != config:
        raise BundleError(
            f"{order.weights} holds {found.in_words}, not {config.in_words}: ask for that, or name"
            " another file with --weights"
        )
    check = held_out_pages(Material.installed(held_out=True), CHECK_PAGES, side)
    DetectorTraining(order, Material.installed(), check, side, config, pruned).train()


def read_net(path: Path) -> DbNetTwin:
    """A detector's checkpoint; its branch of thresholds too, where the file has one."""
    tensors, metadata = checkpoint.load(path)
    net = DbNetTwin(DbConfig.from_json(metadata["config"]))
    net.load_state_dict(tensors, strict=False)
    return net


class DetectorTraining:
    def __init__(  # noqa: PLR0913, PLR0917  what a training is made of
        self,
        order: Order,
        material: Material,
        check: list[PageSample],
        side: int = SIDE,
        config: DbConfig | None = None,
        pruned: Path | None = None,
    ) -> None:
        """check   pages that the weights are scored on; side   pixels of the training's pages"""
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        torch.manual_seed(order.seed)
        self.material, self.check, self.side = material, check, side
        net = DbNetTwin(config or DbConfig())
        torch.nn.init.constant_(net.probability[-1].bias, BIAS)  # type: ignore[arg-type]
        if pruned:
            whole = read_net(pruned)
            net.load_state_dict(prune_detector(whole.state_dict(), whole.config, net.config))
        self.device = training_device()
        self.net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.run = Run(
            order,
            self.net,
            Schedule(RATE, order.until, warm_up_steps=50),
            about_detector(net.config),
            weight_decay=1e-4,
            average_decay=0.998,
        )

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
        renderer = PageRenderer(seed, self.material, self.side)
        next_check = (self.run.seen.samples // CHECK_EVERY + 1) * CHECK_EVERY
        while not self.run.is_finished:
            self.step([renderer.sample() for _ in range(BATCH)])
            self.run.keep_up()
            if self.run.seen.samples >= next_check:
                next_check += CHECK_EVERY
                self.check_up()

    def check_up(self) -> None:
        """Score, remember, and land the weights if they are the best so far."""
        if not self.run.order.peers.is_first:
            return
        scores = self.score(self.run.average.tensors)
        print(scores, flush=True)
        landed = self.run.land(1 - scores["mean"], lambda tensors: 1 - self.score(tensors)["mean"])
        self.run.note({**scores, "landed": landed})
        self.run.plot()

    def step(self, pages: list[PageSample]) -> None:
        self.net.train()
        pictures, maps = collate(pages)
        maps = {name: values.to(self.device) for name, values in maps.items()}
        with torch.autocast(self.device.type, torch.bfloat16):
            probability, threshold = self.net.both(pictures.to(self.device))
        loss = db_loss(probability, threshold, maps)
        self.run.step(loss, len(pages), sum(len(page.quads) for page in pages))

    def score(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Precision, recall and their mean at IoU 0.5 on held-out pages."""
        net = DbNetTwin(self.net.config)
        # What has landed lacks the branch of thresholds, which only training needs.
        net.load_state_dict(tensors, strict=False)
        return score_pages(as_network(net), self.check)


def held_out_pages(
    material: Material, count: int, side: int, seed: int = 20_000
) -> list[PageSample]:
    """Pages of held-out material, always the same."""
    renderer = PageRenderer(seed, material, side)
    return [renderer.sample() for _ in range(count)]


def as_network(net: DbNet) -> Network:
    """(1, 3, H, W) -> (1, 1, H, W) probabilities, as every form of a detector gives them"""
    net.eval()

    @torch.inference_mode()
    def answer(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        pages = torch.from_numpy(batch).contiguous(memory_format=torch.channels_last)
        probabilities: NDArray[np.float32] = torch.sigmoid(net(pages)).numpy()
        return probabilities

    return answer


def find_lines(network: Network, picture: np.ndarray) -> Quads:
    """(H, W, 3) -> (N, 4, 2) in its pixels; H and W are multiples of 32"""
    probability = network(as_input([picture]).contiguous().numpy())[0, 0]
    kernels, _ = boxes_from_map((probability * 255).astype(np.uint8), FAST_DETECTING)
    return unclip(kernels, HUGGING)


def score_pages(network: Network, pages: list[PageSample]) -> dict[str, float]:
    matched = truths = found = 0
    for page in pages:
        quads = find_lines(network, page.picture)
        ignored = page.ignored
        quads = quads[[not any(_overlap(quad, other) for other in ignored) for quad in quads]]
        matched += count_matches(page.quads, quads)
        truths, found = truths + len(page.quads), found + len(quads)
    recall, precision = matched / max(1, truths), matched / max(1, found)
    mean = 2 * recall * precision / max(1e-9, recall + precision)
    return {"precision": round(precision, 4), "recall": round(recall, 4), "mean": round(mean, 4)}


def _overlap(quad: np.ndarray, other: np.ndarray) -> bool:
    return _shared(quad, other) > 0.5 * cv2.contourArea(quad)


def _shared(a: np.ndarray, b: np.ndarray) -> float:
    return float(cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))[0])


def count_matches(truth: Quads, found: Quads) -> int:
    """Pairs at IoU 0.5 or more, one to one, best first."""
    pairs: list[tuple[float, int, int]] = []
    for i, a in enumerate(list(truth)):
        near = (found.max(axis=1) > a.min(axis=0)).all(axis=1)
        near &= (found.min(axis=1) < a.max(axis=0)).all(axis=1)
        for j in np.flatnonzero(near).tolist():
            shared = _shared(a, found[j])
            union = cv2.contourArea(a) + cv2.contourArea(found[j]) - shared
            if shared >= 0.5 * union:
                pairs.append((shared / union, i, j))
    left: set[int] = set()
    right: set[int] = set()
    for _, i, j in sorted(pairs, reverse=True):
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return len(left)


def about_detector(config: DbConfig) -> dict[str, str]:
    """Metadata of the checkpoint: everything that must agree with the weights."""
    return {
        "architecture": ARCHITECTURE,
        "config": json.dumps(vars(config)),
        "preprocessing": json.dumps(SYMMETRIC),
        "provenance": "trained by manage.py train_detector on pages rendered from free fonts",
        "licence": "Apache-2.0",
    }
