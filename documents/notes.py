"""Sentences for what a page's or a file's notes say about how it was read."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from documents.models import Document, Page

SENTENCES = {
    "reduced": _("Read from fewer pixels than the file has, to stay within memory."),
    "partial": _("Part of the page could not be drawn; check it."),
    "lighter_bundle": _("Read with the lighter model, because the other one ran out of memory."),
    "too_many_lines": _("The page has more than 5,000 lines; the rest was left out."),
    "animation_first_frame": _("Only the first picture of the animation was read."),
}


def notes_of(document: Document, page: Page) -> list[str]:
    """Each note once, in words."""
    return in_words([*codes_of(page), *document.notes])


def codes_of(page: Page) -> list[str]:
    """How this page was read, where that was not as well as it could be."""
    return list(dict.fromkeys([*(["reduced"] if page.was_reduced else []), *page.notes]))


def in_words(codes: Iterable[str]) -> list[str]:
    """An unknown code stays one rather than vanish."""
    return [str(SENTENCES.get(code, code)) for code in dict.fromkeys(codes)]
