"""One line per event, for eyes or for machines; control characters never reach a terminal."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from documents import correlation


class RefusalsInOneLine(logging.Filter):
    """What was refused is no fault of ours: Django adds a traceback to every 403."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and record.levelno < logging.ERROR:
            record.exc_info = record.exc_text = None
        return True


class LineFormatter(logging.Formatter):
    """2026-11-21 09:30:01,123 INFO documents.worker page_settled page=… request=…"""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        ids = " ".join(f"{name}={value}" for name, value in correlation.current().items())
        first, *rest = text.split("\n")
        # A name that somebody chose must not move the cursor or fake a line of its own.
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in first)
        return "\n".join([f"{shown} {ids}".rstrip(), *rest])


class JsonFormatter(logging.Formatter):
    """One JSON object per line, for a collector."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **correlation.current(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
