"""How well real documents are read, and at what cost, against other engines in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ocrengine import BALANCED, LOW_MEMORY
from ocrengine.benchmarks import accuracy, peers, report

Options = dict[str, Any]
Say = Callable[[str], Any]
PEERS = {peers.Package.name: "the package's", peers.Tesseract.name: "Tesseract's"}


def run(options: Options, say: Say) -> None:
    """Sets of real documents, interleaved with other engines."""
    data: Path = options["data"]
    scorer = options["scorer"] or data.parent / "score.py"
    if not scorer.exists():
        raise CommandError(f"No scorer at {scorer}; name one with --scorer.")
    python = options["peer_python"] or Path("python3")
    try:
        accuracy.check_scorer(python, scorer)
        contenders = _contenders(options)
    except (accuracy.ScorerError, peers.PeerError) as error:
        raise CommandError(str(error)) from error
    sets = options["sets"].split(",")
    try:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            out = Path(folder)
            measured = accuracy.measure(data, sets, contenders, out, say=say)
            accuracy.score(measured, data, out, python, scorer)
    finally:
        for contender in contenders:
            contender.close()
    compared = {c.name: PEERS[c.name] for c in contenders if c.name in PEERS}
    today = report.today()
    report.write(
        options["docs"],
        measured,
        name=f"accuracy of {options['bundles']}",
        peers=compared,
        heading=_accuracy_heading(today, options, contenders),
        facts={"date": today, "machine": report.machine(), "sets": sets},
    )
    say(report.table(measured, compared))


def _contenders(options: Options) -> list[accuracy.Contender]:
    """Every bundle under both profiles, and the peers that were asked for."""
    reading: list[accuracy.Contender] = [
        accuracy.Ours(profile, bundle)
        for bundle in options["bundles"].split(",")
        for profile in (BALANCED, LOW_MEMORY)
    ]
    if options["peer_python"]:
        reading.append(peers.Package(options["peer_python"]))
    if options["tesseract"]:
        reading.append(peers.Tesseract(options["tesseract"]))
    return reading


def _accuracy_heading(today: str, options: Options, contenders: list[accuracy.Contender]) -> str:
    versions = [c.version for c in contenders if isinstance(c, peers.Tesseract)]
    tesseract = f"; Tesseract {versions[0]} at its defaults" if versions else ""
    return (
        f"Measured {today}, one thread per engine, on {report.machine_in_words()}{tesseract}, by\n"
        f"`./run manage benchmark --bundles {options['bundles']} --data EVAL/dev"
        f" --peer-python PEER/bin/python{' --tesseract' if versions else ''}`.\n"
        "EVAL is a folder of real documents made by other people, not part of this\n"
        "repository; PEER an environment with rapidocr, shapely and rapidfuzz. CPU seconds\n"
        "are those of every process involved, decoding too, loading of networks not (Tesseract\n"
        "is a program that loads its own for every page); they are noisy between runs, the share\n"
        "of a peer's is within one run. Peak is the highest resident memory of the recognising\n"
        "process, from the run's start onwards."
    )
