"""Small pieces that every page uses."""

import re

from django import template
from django.template.defaultfilters import filesizeformat
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing from the sprite; it repeats what words say, so that nobody has to hear it."""
    address = static("documents/sprite.svg")
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        address,
        name,
    )


@register.filter
def size(count: int) -> str:
    """104857600 -> 100 MB: a decimal only where it says something."""
    return re.sub(r"[.,]0(?=\D)", "", filesizeformat(count))


@register.filter
def percent(share: float | None) -> str:
    """0.987 -> 98 %: rounded down, since 99.6 % is not certainty."""
    return "" if share is None else f"{int(share * 100)}\u202f%"


@register.filter
def clock(seconds: int) -> str:
    """75 -> 1:15."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def megapixels(pixels: int) -> str:
    return f"{pixels / 1_000_000:.0f}"
