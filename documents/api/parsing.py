"""Bodies: which are understood, and in which form an address answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class ObjectParser(JSONParser):
    """A JSON object of named values, of at most DATA_UPLOAD_MAX_MEMORY_SIZE."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            parsed = super().parse(stream, media_type, parser_context)
            json.dumps(parsed, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (RecursionError, UnicodeEncodeError):
            raise ParseError from None
        if not isinstance(parsed, dict):
            raise ParseError
        return parsed


class OneForm(DefaultContentNegotiation):
    """Each address answers in one form; what a client says it accepts changes nothing."""

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type
