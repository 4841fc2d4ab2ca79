"""One concept per file: what was handed in, what was read, what is to be done, what it uses."""

from documents.models.audit import AuditEvent, Door, Kind, Verb
from documents.models.document import Document, Page, PageState
from documents.models.guess import Guess
from documents.models.job import Attempt, Job, JobMode, JobState, Outcome, Pause, Worker
from documents.models.ledger import LedgerEntry, Movement
from documents.models.retention import PurgeRun, RetentionPolicy
from documents.models.sharing import Collection, Share
from documents.models.token import ApiToken, IdempotencyKey, Scope
from documents.models.transcript import Line, LineRevision, RevisionSource
from documents.models.usage import GroupLimits, Usage

__all__ = [
    "ApiToken",
    "Attempt",
    "AuditEvent",
    "Collection",
    "Document",
    "Door",
    "GroupLimits",
    "Guess",
    "IdempotencyKey",
    "Job",
    "JobMode",
    "JobState",
    "Kind",
    "LedgerEntry",
    "Line",
    "LineRevision",
    "Movement",
    "Outcome",
    "Page",
    "PageState",
    "Pause",
    "PurgeRun",
    "RetentionPolicy",
    "RevisionSource",
    "Scope",
    "Share",
    "Usage",
    "Verb",
    "Worker",
]
