"""Lines of several pages, read together.

Pages are read side by side, more of them than there are processor slots. A page that has found its
lines puts them into the pool and steps back, so that another page can look for its own; lines are
read when there are enough of them, the oldest has waited, or nobody is left to bring more.
Which line belongs to which page is never looked up: a line's place in its page's answer travels
with it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Crop = TypeVar("Crop")
Answer = TypeVar("Answer")

FULL = 64
"""Lines read at a time. More gain nothing, and are held in memory until they are read."""
WAIT_SECONDS = 0.03
"""For lines of other pages, when there are fewer."""


@dataclass
class _Request(Generic[Crop, Answer]):
    """What one page asked for."""

    crops: Sequence[Crop]
    asked: float
    answers: dict[int, Answer] = field(default_factory=dict)
    failed: bool = False
    """A reading that it was part of did."""

    @property
    def answered(self) -> bool:
        return self.failed or len(self.answers) == len(self.crops)


class LinePool(Generic[Crop, Answer]):
    """Reads the lines of all pages that are inside page() at the same time."""

    def __init__(
        self,
        read: Callable[[Sequence[Crop]], Sequence[Answer]],
        slots: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """read    crops -> one answer each, in that order; called by several threads at once
        slots   threads that compute at the same time
        """
        self._read, self._slots, self._clock = read, slots, clock
        self._changed = threading.Condition()
        self._computing = 0
        self._waiting: deque[tuple[_Request[Crop, Answer], int]] = deque()

    @contextmanager
    def page(self) -> Iterator[None]:
        """A page at work: it holds a slot, but for while it waits for its lines."""
        with self._changed:
            self._take_slot()
        try:
            yield
        finally:
            with self._changed:
                self._give_slot()

    def read(self, crops: Sequence[Crop]) -> list[Answer]:
        """One answer per crop, in that order; from inside page() only.

        Whatever reading these crops raises is raised here, and only here: where lines of several
        pages were read together and it failed, each page's are read again by themselves.
        """
        request = _Request[Crop, Answer](crops, self._clock())
        with self._changed:
            self._waiting.extend((request, place) for place in range(len(crops)))
            self._give_slot()
            while not request.answered:
                if self._is_time():
                    self._read_some()
                else:
                    self._changed.wait(WAIT_SECONDS)
            self._take_slot()
        if request.failed:
            return list(self._read(crops))
        return [request.answers[place] for place in range(len(crops))]

    # --- All below is called with the condition held --------------------------------------------

    def _take_slot(self) -> None:
        self._changed.wait_for(lambda: self._computing < self._slots)
        self._computing += 1

    def _give_slot(self) -> None:
        self._computing -= 1
        self._changed.notify_all()

    def _is_time(self) -> bool:
        if not self._waiting or self._computing >= self._slots:
            return False
        oldest, _ = self._waiting[0]
        return (
            len(self._waiting) >= FULL
            or self._computing == 0
            or self._clock() - oldest.asked >= WAIT_SECONDS
        )

    def _read_some(self) -> None:
        """Read the oldest lines, whosever they are, in this thread."""
        taken = [self._waiting.popleft() for _ in range(min(FULL, len(self._waiting)))]
        self._take_slot()
        self._changed.release()
        try:
            answers = self._read([request.crops[place] for request, place in taken])
        except Exception:
            answers = None
        finally:
            self._changed.acquire()
        for number, (request, place) in enumerate(taken):
            if answers is None:
                request.failed = True
            else:
                request.answers[place] = answers[number]
        if answers is None:
            self._waiting = deque(line for line in self._waiting if not line[0].failed)
        self._give_slot()
