"""What a decoder child is asked, what it may refuse, and the bounds that every page keeps."""

from typing import Any

Order = dict[str, Any]
Limits = dict[str, Any]
Answer = dict[str, Any]


class Refused(Exception):
    def __init__(self, code: str, **params: Any) -> None:
        self.code, self.params = code, params


def check_size(width: int, height: int, page: int, streamed: bool, limits: Limits) -> None:
    """streamed   it can be made smaller while it is decoded, so that its pixels cost less"""
    if width < 1 or height < 1:
        raise Refused("damaged", page=page)
    allowed = limits["max_pixels_streamed" if streamed else "max_pixels"]
    if width * height > allowed:
        raise Refused(
            "too_many_pixels",
            page=page,
            width=width,
            height=height,
            limit_mp=allowed // 1_000_000,
        )
    if max(width, height) > limits["max_side"]:
        raise Refused(
            "side_too_long", page=page, width=width, height=height, limit=limits["max_side"]
        )
