"""Which request, job and page a line of the log belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

REQUEST: ContextVar[str] = ContextVar("request", default="")
JOB: ContextVar[str] = ContextVar("job", default="")
PAGE: ContextVar[str] = ContextVar("page", default="")


def current() -> dict[str, str]:
    """Those that are known here: {"request": "3f2a…"}."""
    known = {"request": REQUEST.get(), "job": JOB.get(), "page": PAGE.get()}
    return {name: value for name, value in known.items() if value}


@contextmanager
def working_on(*, job: object, page: object) -> Iterator[None]:
    tokens = JOB.set(str(job)), PAGE.set(str(page))
    try:
        yield
    finally:
        JOB.reset(tokens[0])
        PAGE.reset(tokens[1])
