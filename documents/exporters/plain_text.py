"""Plain text: lines in reading order, a form feed between pages, gaps named."""

from collections.abc import Iterator

from documents.models import Document, PageState
from documents.queries import page_lines, page_problem


def plain_text(document: Document) -> Iterator[str]:
    """One piece per page. A page without text says why, so that no loss is silent."""
    for page in document.pages.order_by("index"):
        if page.index:
            yield "\f"
        if page.state == PageState.DONE:
            yield "".join(f"{line.text}\n" for line in page_lines(page))
            continue
        problem = page_problem(page)
        reason = problem.sentence if problem else page.get_state_display()
        yield f"[{page.number}/{document.page_count}: {reason}]\n"
