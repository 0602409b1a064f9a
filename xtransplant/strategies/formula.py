"""What recorded edits say of themselves, before anything has run: are they the identity?"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xtransplant.strategies.edits import PREFILL, Edit
from xtransplant.strategies.places import Read
from xtransplant.strategies.values import Applied, Value

__all__ = ["SelfTransplant", "in_lines", "self_transplant", "writes_nothing_new"]

_ROUNDING = 1e-9  # of weights such as (1 - a) + a


@dataclass(frozen=True)
class SelfTransplant:
    """What edits do where source and target are one prompt, and i = j.

    Attributes:
        is_identity: whether every write is of what stands there.
        why: the write that shows it, in words.
    """

    is_identity: bool
    why: str


def in_lines(edits: Sequence[Edit], n_heads: int) -> list[str]:
    """The texts of edits; the same one of every head is one text, of head h.

    Args:
        edits: of one layer pair.
        n_heads: how many heads a layer has.
    """
    heads: dict[str, list[Edit]] = {}
    for edit in edits:
        text = str(edit)
        if edit.head is not None:
            text = text.replace(f"head({edit.head})", "head(h)")
            text = re.sub(rf"(fit\.[^ ]*), {edit.head}\]", r"\1, h]", text)
        heads.setdefault(text, []).append(edit)
    found: list[str] = []
    for text, own in heads.items():
        whole = n_heads > 1 and [edit.head for edit in own] == [*range(n_heads)]
        found += [f"{text} for each head h"] if whole else map(str, own)
    return found


def writes_nothing_new(edits: Sequence[Edit]) -> bool:
    """Whether every edit writes back what stands at its place, whatever the source is."""
    return all(_is_own(edit, edit.value) for edit in edits)


def self_transplant(edits: Sequence[Edit]) -> SelfTransplant:
    """What edits do where the source prompt is the target prompt.

    Every read of the source is then one of the target, for as long as no earlier edit of the same
    variant has changed the target.

    Args:
        edits: as recorded at a layer pair with i = j.
    """
    shown: dict[str, None] = {}
    for edit in edits:
        value = _of_target(edit.value)
        if value is None:
            return SelfTransplant(False, f"{edit.value} is a function's, which no formula tells")
        written = _words(edit.place, value)
        if not _is_own(edit, value):
            return SelfTransplant(False, f"the formula writes {written} there")
        if edit.when != PREFILL and _reads_source(edit.value):
            why = f'during("{edit.when}") writes the prompt\'s value at later tokens'
            return SelfTransplant(False, why)
        shown.setdefault(written)
    return SelfTransplant(True, "; ".join(shown))


def _words(place: Read, value: Value) -> str:
    """A write where i = j, with one name for the layer."""
    return f"{place} = {value}".replace("[i", "[j")


def _is_own(edit: Edit, value: Value) -> bool:
    """Whether a value is what stands at an edit's place."""
    if len(value.terms) != 1 or value.constant != 0.0:
        return False
    ((weight, term),) = value.terms
    return term == edit.place and math.isclose(weight, 1.0, abs_tol=_ROUNDING)


def _of_target(value: Value) -> Value | None:
    """A value with the target in the source's place; None where a function is applied to it."""
    result = Value(constant=value.constant)
    for weight, term in value.terms:
        if isinstance(term, Read):
            moved = replace(term, prompt="target")
            result = result + Value(((weight, moved),))
        elif isinstance(term, Applied) and term.arguments:
            return None
        else:  # a tensor that was there before
            result = result + Value(((weight, term),))
    # (1 - a) * x + a * x may leave a weight of 1e-17.
    kept = tuple((weight, term) for weight, term in result.terms if abs(weight) > _ROUNDING)
    return replace(result, terms=kept)


def _reads_source(value: Value) -> bool:
    return any(read.prompt != "target" for read in value.reads())
