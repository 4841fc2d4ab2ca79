"""Plain text: lines in reading order, a form feed between pages, gaps named."""

from collections.abc import Iterator

from documents.models import Document, PageState
from documents.notes import codes_of, in_words
from documents.queries import page_lines, page_problem


def plain_text(document: Document) -> Iterator[str]:
    """One piece per page. A page without text says why, and one that was not read as well as it
    could be says that, so that no loss is silent."""
    for page in document.pages.order_by("index"):
        if page.index:
            yield "\f"
        if page.state == PageState.DONE:
            for note in in_words(codes_of(page)):
                yield f"[{page.number}/{document.page_count}: {note}]\n"
            yield "".join(f"{line.text}\n" for line in page_lines(page))
            continue
        problem = page_problem(page)
        reason = problem.sentence if problem else page.get_state_display()
        yield f"[{page.number}/{document.page_count}: {reason}]\n"
