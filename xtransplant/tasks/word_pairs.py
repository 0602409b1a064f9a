"""Word alignments as aligners write them: ``0-0 1-2 2-1``, a source word and a target word."""

from __future__ import annotations

import re

from xtransplant.errors import XTransplantError

__all__ = ["parse_alignment"]


def parse_alignment(text: str, source: str, target: str, place: str) -> tuple[tuple[int, int], ...]:
    """Pairs of words, counted from 0 and divided by white space, in the Pharaoh format.

    Args:
        text: such as ``0-0 1-2``; ``1p2`` is a pair as ``1-2`` (a possible link).
        source: the source prompt.
        target: the target prompt.
        place: where the text stands, for messages.

    Raises:
        XTransplantError: text of another form, no pair, or a word that a prompt has not.
    """
    found = []
    for part in text.split():
        pair = re.fullmatch(r"(\d{1,6})[-p](\d{1,6})", part)
        if pair is None:
            raise XTransplantError(
                f"{place}: {part[:40]!r} is no pair of words; write a source word and a target "
                "word, counted from 0, as in 0-0 1-2 2-1"
            )
        found.append((int(pair[1]), int(pair[2])))
    if not found:
        raise XTransplantError(f"{place}: an alignment has a pair or more, as in 0-0 1-2 2-1")
    for side, prompt, words in (
        ("source", source, [word for word, _ in found]),
        ("target", target, [word for _, word in found]),
    ):
        n = len(prompt.split())
        if max(words) >= n:
            raise XTransplantError(
                f"{place}: word {max(words)} of the {side} is past its end; it has {n} words, "
                "counted from 0 and divided by white space"
            )
    return tuple(dict.fromkeys(found))
