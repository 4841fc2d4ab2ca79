"""What a trial leaves in tables and on disk, held against what it was given."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass
class Killings:
    """Who was killed, and when: seconds since the epoch by a worker's name."""

    times: dict[str, float] = field(default_factory=dict)
    by_role: Counter[str] = field(default_factory=Counter)

    def note(self, role: str, pid: int, start_ticks: int | None) -> None:
        from documents.services.leases import host_name

        self.by_role[role] += 1
        self.times[f"{host_name()}:{pid}:{start_ticks}"] = time.time()


@dataclass(frozen=True)
class Evidence:
    pages: int
    lost: int
    """Handed in, and neither read nor open nor ended with a reason."""
    doubled: int
    """With more than one result, or with the text of another page."""
    stale: int
    """Whose text was written by somebody else than the try that counts."""
    unfinished: int
    """Anything but read."""
    drift: int
    """People whose balance is not what a recount says."""
    orphans: int
    """Stored files without a row, before the sweep"""
    orphans_after: int
    missing: int
    """Rows without their file"""


def gather(owner: Any, expected: int, *, stub: bool = True) -> Evidence:
    """stub   texts are those of stub pages, which name page and worker"""
    from documents.models import Attempt, Line, Outcome, Page, PageState
    from documents.services import quotas

    pages = Page.objects.filter(document__owner=owner)
    done = Attempt.objects.filter(page__document__owner=owner, outcome=Outcome.DONE)
    by_page: Counter[Any] = Counter(done.values_list("page", flat=True))
    who = dict(done.values_list("page", "worker"))
    lines: dict[Any, list[str]] = {}
    for page, text in Line.objects.filter(page__document__owner=owner).values_list("page", "text"):
        lines.setdefault(page, []).append(text)
    doubled = sum(count > 1 for count in by_page.values())
    stale = 0
    if stub:
        doubled += sum(len(texts) > 1 for texts in lines.values())
        for page, texts in lines.items():
            told, worker = texts[0].split(" ")
            doubled += told != str(page)
            stale += worker != who.get(page)
    orphans, orphans_after = orphans_before_and_after_the_sweep()
    return Evidence(
        pages=pages.count(),
        lost=expected - pages.count(),
        doubled=doubled,
        stale=stale,
        unfinished=pages.exclude(state=PageState.DONE).count(),
        drift=sum(1 for _ in quotas.find_drift()),
        orphans=orphans,
        orphans_after=orphans_after,
        missing=rows_without_file(),
    )


def rows_without_file() -> int:
    from documents import files
    from documents.models import Document, Page

    names = [
        *Document.objects.values_list("original_name", flat=True),
        *Page.objects.exclude(view_name="").values_list("view_name", flat=True),
    ]
    return sum(not files.path_of(name).exists() for name in names)


def orphans_before_and_after_the_sweep() -> tuple[int, int]:
    """The nightly sweep spares files younger than a day: they are made to look older."""
    from documents import files
    from documents.services import retention

    past = time.time() - 2 * 86_400
    for folder in files.KEPT:
        for path in files.path_of(folder).glob("*/*"):
            os.utime(path, (past, past))
    found = len(retention.sweep_orphans())
    return found, len(retention.sweep_orphans(dry=True))


def rescues(killings: Killings) -> list[float]:
    """Seconds from a worker's death to the next try at each page that it held."""
    from documents.models import Attempt, Outcome

    cut_off = Attempt.objects.filter(worker__in=killings.times).exclude(
        outcome__in=(Outcome.DONE, Outcome.FAILED)
    )
    waited = []
    for attempt in cut_off.values("page", "number", "worker"):
        again = Attempt.objects.filter(page=attempt["page"], number=attempt["number"] + 1)
        started = again.values_list("started_at", flat=True).first()
        died = datetime.fromtimestamp(killings.times[attempt["worker"]], UTC)
        if started is not None and started > died:
            waited.append((started - died).total_seconds())
    return waited
