"""A job's progress as the watching page shows it, and as its poll is answered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from documents import queries
from documents.models import Job, PageState
from documents.queries import DocumentProgress, JobProgress

LINKED_PAGES = 60
"""A document of up to this many pages shows each as a link; a longer one shows a strip."""
LETTERS = {
    PageState.PENDING: "waiting",
    PageState.LEASED: "reading",
    PageState.DONE: "done",
    PageState.FAILED: "failed",
    PageState.QUARANTINED: "failed",
    PageState.CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class Run:
    """Neighbouring pages in one state: one rectangle of the strip."""

    start: int
    length: int
    state: str


@dataclass(frozen=True)
class WatchedDocument:
    progress: DocumentProgress
    states: tuple[str, ...]
    """One per page, in order."""

    @property
    def has_links(self) -> bool:
        return len(self.states) <= LINKED_PAGES

    @property
    def runs(self) -> list[Run]:
        runs, start = [], 0
        for state, group in groupby(self.states):
            length = len(list(group))
            runs.append(Run(start, length, state))
            start += length
        return runs

    @property
    def first_done(self) -> int | None:
        return self.states.index("done") + 1 if "done" in self.states else None

    @property
    def reading(self) -> int | None:
        """The number of the page that is being read."""
        return self.states.index("reading") + 1 if "reading" in self.states else None


@dataclass(frozen=True)
class Watch:
    job: Job
    progress: JobProgress
    documents: tuple[WatchedDocument, ...]

    @property
    def etag(self) -> str:
        """Changes when anything shown does, but not with every second that passes."""
        figures = asdict(self.progress) | {"elapsed_seconds": 0}
        seen = json.dumps(figures, cls=DjangoJSONEncoder)
        return hashlib.sha256(seen.encode()).hexdigest()[:32]

    def as_dict(self) -> dict[str, Any]:
        figures = asdict(self.progress)
        for shown, watched in zip(figures["documents"], self.documents, strict=True):
            shown["states"] = watched.states
        return figures | {"open": self.progress.is_open}


def watch(job: Job) -> Watch:
    progress = queries.job_progress(job)
    documents = (
        WatchedDocument(document, tuple(LETTERS[PageState(state)] for state in document.states))
        for document in progress.documents
    )
    return Watch(job, progress, tuple(documents))
