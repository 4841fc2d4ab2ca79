"""Lists turned page by page, where the last page of a long one costs about what the first does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

Dress = Callable[[QuerySet[Any]], QuerySet[Any]]


class KeyPaginator(Paginator):
    """Finds the keys of a page first, which an index can do alone, and then only those rows.

    What a row needs from other tables is joined and counted for the rows of one page: `dress` adds
    that to a queryset. Joined before, it would be done for every row that is skipped, too.
    """

    def __init__(
        self, rows: QuerySet[Any], per_page: int, *, dress: Dress | None = None, **options: Any
    ) -> None:
        super().__init__(rows, per_page, **options)
        self.dress = dress or (lambda rows: rows)

    def _get_page(self, rows: QuerySet[Any], number: int, paginator: Paginator) -> Page:
        keys = list(rows.values_list("pk", flat=True))
        found = self.dress(rows.model._default_manager.filter(pk__in=keys)).in_bulk()
        return Page([found[key] for key in keys if key in found], number, paginator)
