"""Characters <-> class indices. The blank is a class of its own and always comes first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

BLANK = 0


@dataclass(frozen=True)
class Charset:
    """`characters[i]` is what class `i + 1` means; class 0 is the CTC blank."""

    characters: tuple[str, ...]

    @classmethod
    def from_lines(cls, lines: str, *, space: bool) -> Charset:
        """One character per line (only the newline is stripped: a line may be a space).

        space   add the space as the last class, as PP-OCR's dictionaries leave it out
        """
        characters = lines.split("\n")
        if characters and not characters[-1]:
            characters.pop()
        return cls((*characters, " ") if space else tuple(characters))

    @property
    def classes(self) -> int:
        """Width of the network's output: every character, and the blank."""
        return len(self.characters) + 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 that must agree with the weights the charset belongs to."""
        return hashlib.sha256("\n".join(self.characters).encode()).hexdigest()

    def decode(self, indices: list[int]) -> str:
        return "".join(self.characters[index - 1] for index in indices)
