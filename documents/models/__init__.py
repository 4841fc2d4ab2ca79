"""One concept per file: what was handed in, what was read, what is to be done, what it uses."""

from documents.models.document import Document, Page, PageState
from documents.models.job import Attempt, Job, JobState, Outcome, Worker
from documents.models.transcript import Line, LineRevision, RevisionSource
from documents.models.usage import GroupLimits, Usage

__all__ = [
    "Attempt",
    "Document",
    "GroupLimits",
    "Job",
    "JobState",
    "Line",
    "LineRevision",
    "Outcome",
    "Page",
    "PageState",
    "RevisionSource",
    "Usage",
    "Worker",
]
