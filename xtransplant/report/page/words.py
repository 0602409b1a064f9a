"""Texts that many records share, each once."""

from __future__ import annotations

from xtransplant.style.escape import visible

__all__ = ["Words"]


class Words:
    """Numbers the texts that it is asked for.

    Attributes:
        texts: as they are shown, by number.
    """

    def __init__(self) -> None:
        """No text yet."""
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int:
        """A text's number; -1 where there is none."""
        if text is None:
            return -1
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(visible(text, keep_lines=True))
        return self._numbers[text]
