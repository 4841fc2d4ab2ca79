"""Something to draw and something to draw with that needs no package: Pillow's own typeface."""

import io

import numpy as np
from PIL import ImageFont

from ocrengine.training.corpus import Corpus, Script
from ocrengine.training.fonts import Face
from ocrengine.training.lines import Material

CORPUS = Corpus(
    words=["apple", "river", "Stone", "quick", "lamp's"],
    english=["The quick brown fox jumps over the lazy dog.", "Nothing ventured, nothing gained."],
    chinese=[],
    scripts=[Script(["Total"], ["invoice"], np.ones(1), ["x"])],
)


def make_face(folder) -> Face:
    """Printable ASCII, written to a file for FreeType to open."""
    path = folder / "letters.ttf"
    content = ImageFont.load_default(20).path
    assert isinstance(content, io.BytesIO)
    path.write_bytes(content.getvalue())
    return Face(str(path), 0, "Letters", "Regular", ((0x20, 0x7E),))


def make_material(folder) -> Material:
    return Material([make_face(folder)], CORPUS)
