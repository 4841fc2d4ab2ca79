"""Sentences for what a page's or a file's notes say about how it was read."""

from django.utils.translation import gettext_lazy as _

from documents.models import Document, Page

SENTENCES = {
    "reduced": _("Read from fewer pixels than the file has, to stay within memory."),
    "suspect_blank": _("The page looks blank."),
    "animation_first_frame": _("Only the first picture of the animation was read."),
}


def notes_of(document: Document, page: Page) -> list[str]:
    """Each note once, in words; an unknown one keeps its code rather than vanish."""
    codes = [*document.notes, *page.notes]
    if page.was_reduced:
        codes.insert(0, "reduced")
    return [str(SENTENCES.get(code, code)) for code in dict.fromkeys(codes)]
