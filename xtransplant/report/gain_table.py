"""The table of gains as text: over vanilla and null grids, and of texts how much is format."""

from __future__ import annotations

from collections.abc import Sequence

from xtransplant.stats.gains import Gain

__all__ = ["gain_cells", "gain_heads", "gain_notes", "points"]

_NOTE = (
    "points over vanilla, paired by example (or over the null grid that a line names); "
    "95%: bootstrap of items, each with all its languages (BCa); p: exact sign-flip test of items "
    "(McNemar's exact test where each has one language); fixed: wrong before and right after, "
    "broken: the other way round"
)
_CHOSEN_NOTE = (
    "cross-fitted: 95% and p are by the standard error of 400 bootstraps that choose anew, as "
    "folds that choose for one another go together"
)
_FEW = 30
_FEW_NOTE = (
    "fewer than 30 items: a bootstrap's 95% holds what it should in 78% (5 items) to 92% (20), and "
    "may leave 0 out where p does not; go by p"
)
_HEADS = ("n", "points (95%)", "p", "fixed", "broken", "unchanged")
_TEXT_HEADS = (
    *_HEADS[:3], "knowledge (95%)", "fixed (in format)", "broken (in format)", "unchanged",
)  # fmt: skip
_FORMAT_NOTE = (
    "in format: of the fixed, those whose text before was no answer at all or right at lenient "
    "already; of the broken, those whose text after is none or still right at lenient; knowledge: "
    "points by the other flips alone"
)
_NO_FORMAT_NOTE = (
    "scores always choose a candidate, so no flip is one of format; with --mode generate a report "
    "tells format from knowledge"
)
_UNKNOWN_NOTE = (
    "in format –: the run does not say which texts are answers, as it was begun before that was "
    "asked; xtp rescore RUN adds it"
)


def gain_heads(mode: str) -> list[str]:
    """Heads of the table of gains: of texts it tells format from knowledge."""
    return list(_TEXT_HEADS if mode == "generate" else _HEADS)


def gain_notes(gains: Sequence[Gain], mode: str) -> tuple[str, ...]:
    """Below that table."""
    notes = [_NOTE, *[_CHOSEN_NOTE] * any(one.error is not None for one in gains)]
    notes += [_FEW_NOTE] * any(len(one.sums) < _FEW for one in gains)
    if mode != "generate":
        return (*notes, _NO_FORMAT_NOTE)
    unknown = any(one.knowledge is None for one in gains)
    return (*notes, _FORMAT_NOTE, *[_UNKNOWN_NOTE] * unknown)


def gain_cells(one: Gain, mode: str) -> list[str]:
    """A row's cells under :func:`gain_heads`."""
    p = "<0.0001" if one.p < 0.0001 else f"{one.p:.4f}"
    fixed, broken, own = str(one.fixed), str(one.broken), one.knowledge
    if mode != "generate":
        return [str(one.n), points(one.value, one.ci95), p, fixed, broken, str(one.unchanged)]
    fixed += " (–)" if own is None else f" ({one.fixed - own.fixed})"
    broken += " (–)" if own is None else f" ({one.broken - own.broken})"
    known = "–" if own is None else points(own.value, own.ci95)
    return [str(one.n), points(one.value, one.ci95), p, known, fixed, broken, str(one.unchanged)]


def points(value: float, ci95: tuple[float, float]) -> str:
    """``+4.7 (+2.0 to +8.0)``, of shares; ``–`` where there is none."""
    if value != value:
        return "–"
    low, high = (100 * end for end in ci95)
    interval = "–" if low != low else f"{low:+.1f} to {high:+.1f}"
    return f"{100 * value:+.1f} ({interval})"
