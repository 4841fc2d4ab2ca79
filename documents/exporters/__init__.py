"""Formats a document can leave in: each is a function (document) -> pieces of text."""

from documents.exporters.json_pages import json_pages
from documents.exporters.plain_text import plain_text

EXPORTERS = {"txt": plain_text, "json": json_pages}

__all__ = ["EXPORTERS", "json_pages", "plain_text"]
