"""JSON: every page with its lines, polygons in page pixels, confidences and receipt."""

import json
from collections.abc import Iterator
from typing import Any

from documents.models import Document, Page
from documents.notes import codes_of
from documents.queries import page_lines, page_problem


def json_pages(document: Document) -> Iterator[str]:
    """One piece per page, so that a long document is never whole in memory."""
    head = {
        "id": str(document.id),
        "title": document.title,
        "kind": document.kind,
        "sha256": document.sha256,
        "uploaded": document.created_at.isoformat(),
        "page_count": document.page_count,
        "notes": document.notes,
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "pages": ['
    for page in document.pages.order_by("index"):
        yield (", " if page.index else "") + json.dumps(page_as_dict(page), ensure_ascii=False)
    yield "]}\n"


def page_as_dict(page: Page) -> dict[str, Any]:
    problem = page_problem(page)
    return {
        "number": page.number,
        "state": page.state,
        "width": page.width,
        "height": page.height,
        "problem": {"code": problem.code, "sentence": problem.sentence} if problem else None,
        "lines": [
            {
                "order": line.order,
                "text": line.text,
                "machine_text": line.machine_text,
                "confidence": line.confidence,
                "polygon": line.polygon,
            }
            for line in page_lines(page)
        ],
        "receipt": page.receipt or None,
        "notes": codes_of(page),
    }
