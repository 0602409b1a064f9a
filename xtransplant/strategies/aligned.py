"""Edits at aligned tokens, ``target.resid_post[j, target.aligned]``: made example by example.

A strategy is recorded once; which tokens an example's words stand at is known of each example
alone. So what names them stays a marker until an example runs, and becomes ordinary edits then: one
for each target token that some source token is aligned with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xtransplant.errors import XTransplantError
from xtransplant.strategies.edits import PREFILL, Edit
from xtransplant.strategies.places import ALIGNED, Read, Span
from xtransplant.strategies.values import Applied, Term, Value

__all__ = ["aligned_edits", "check_aligned", "names_aligned"]

TokenPairs = Sequence[tuple[int, int]]
"""Of a source and a target token, counted from the prompts' starts."""


def check_aligned(edit: Edit) -> None:
    """Refuse an edit whose aligned tokens would not be plain.

    Raises:
        XTransplantError: it reads aligned tokens and writes others, or acts at decode steps, which
            have none.
    """
    reads = [read for read in edit.value.reads() if read.span == ALIGNED]
    if edit.span != ALIGNED and reads:
        raise XTransplantError(
            f"{reads[0]} goes with a write at aligned tokens, target.{edit.site}[..., "
            f"target.aligned] = ..., not {edit.place}"
        )
    if edit.span == ALIGNED and edit.when != PREFILL:
        raise XTransplantError(
            f"{edit.place} is not what a decode step computes; aligned tokens are of the prompts, "
            'so leave during(...) out or write during("prefill")'
        )


def names_aligned(variants: Iterable[Sequence[Edit]]) -> bool:
    """Whether some edit is at aligned tokens."""
    return any(edit.span == ALIGNED for edits in variants for edit in edits)


def aligned_edits(variants: Iterable[Sequence[Edit]], pairs: TokenPairs) -> list[Sequence[Edit]]:
    """Variants with their marked edits as those of one example.

    A target token that several source tokens are aligned with is written the mean of what each of
    them gives.

    Args:
        variants: as a strategy recorded them.
        pairs: the example's.

    Raises:
        XTransplantError: the example has none.
    """
    if not pairs:
        raise XTransplantError(
            "the strategy writes at aligned words, and an example has no alignment; give "
            "--alignment, a file with that column, or Example(alignment=...)"
        )
    sources: dict[int, list[int]] = {}
    for source, target in sorted(pairs):
        sources.setdefault(target, []).append(source)
    return [tuple(made for edit in edits for made in _of(edit, sources)) for edits in variants]


def _of(edit: Edit, sources: dict[int, list[int]]) -> Sequence[Edit]:
    if edit.span != ALIGNED:
        return [edit]
    made = []
    for target, own in sorted(sources.items()):
        value = Value()
        for source in own:
            value = value + (1 / len(own)) * _at(edit.value, source, target)
        made.append(replace(edit, span=_one(target), value=value))
    return made


def _at(value: Value, source: int, target: int) -> Value:
    """A value with its aligned reads at one pair of tokens."""

    def placed(term: Term) -> Term:
        if isinstance(term, Applied):
            return replace(
                term, arguments=tuple(_at(one, source, target) for one in term.arguments)
            )
        if isinstance(term, Read) and term.span == ALIGNED:
            return replace(term, span=_one(source if term.prompt == "source" else target))
        return term

    return replace(value, terms=tuple((weight, placed(term)) for weight, term in value.terms))


def _one(token: int) -> Span:
    return Span(token, token + 1)
