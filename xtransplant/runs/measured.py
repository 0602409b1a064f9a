"""What a record's columns are computed from: what the engine found, and what judging found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    # For types alone: a report reads runs, and must not wait for torch.
    from xtransplant.engine.outcome import Generations, Scores, Writes

__all__ = ["Judged", "Measured", "Which"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Masks = np.ndarray[Any, np.dtype[np.uint8]]
Which = Literal["variants", "target", "source", "baseline"]


@dataclass(frozen=True)
class Measured:
    """Rows of one example: all its variants, or one of its prompts without a transplant.

    Attributes:
        found: all that the engine found of the example.
        which: the variants (``n_variants`` rows), or the target or source prompt (one row), or a
            baseline, whose prompt was run in the target's place (one row).
        finite: ``[rows]``, whether all numbers that a row was computed from are finite.
        unchanged: ``[rows]``, whether a row is what the target gives without a transplant.
        logprobs: ``[rows, n_candidates]``, nats; None where texts were generated.
        top_tokens: ``[rows]``, the most probable next token as text; empty likewise.
        outputs: ``[rows]``, the text generated; empty where candidates were scored.
        bounds: ``[rows, n_candidates]``, where ``logprobs`` has an upper bound; None where nowhere.
    """

    found: Scores | Generations
    which: Which
    finite: Bools
    unchanged: Bools
    logprobs: Floats | None = None
    top_tokens: Sequence[str] = ()
    outputs: Sequence[str] = ()
    bounds: Bools | None = None

    @property
    def writes(self) -> Writes | None:
        """Norms and cosines of the variants' writes; None of a prompt, which has none."""
        return self.found.writes if self.which == "variants" else None

    @classmethod
    def of_scores(cls, found: Scores, which: Which) -> Measured:
        """Rows of an example whose candidates were scored."""
        if which == "variants":
            tops = [tokens[0] for tokens in found.top_tokens]
            rows = found.finite, found.unchanged, found.logprobs, tops
            return cls(found, which, *rows, bounds=found.bounds)
        bounds = None
        if which in ("target", "baseline"):
            finite, row, top = found.vanilla_finite, found.vanilla, found.vanilla_top
            bounds = None if found.vanilla_bounds is None else found.vanilla_bounds[None]
        else:
            finite, row, top = found.source_finite, found.source, found.source_top
        state = _state(finite, which)
        return cls(found, which, *state, row[None], top[:1], bounds=bounds)

    @classmethod
    def of_generations(cls, found: Generations, which: Which) -> Measured:
        """Rows of an example that texts were generated for."""
        if which == "variants":
            state = np.array(found.finite, dtype=bool), np.array(found.unchanged, dtype=bool)
            return cls(found, which, *state, outputs=found.outputs)
        if which in ("target", "baseline"):
            finite, text = found.vanilla_finite, found.vanilla
        else:
            finite, text = found.source_finite, found.source
        return cls(found, which, *_state(finite, which), outputs=[text])


@dataclass(frozen=True)
class Judged:
    """Judgements of a part's records, row by row.

    Attributes:
        records, examples: the part's tables, which were judged.
        right: ``[rows, 3]``, whether a row is right, by level of ``tasks.judging.LEVELS``.
        other: ``[rows, 3]``, likewise by the answers of other examples: bit r of a mask is by the
            answer that the r-th derangement gives.
        known: ``[rows]``, whether every derangement gives an answer that the example can have.
        chosen: int16 ``[rows]``, the number of the option (of texts) or candidate (of scores) that
            a row chooses at level ``match``; -1: none, -2: there is nothing to choose from.
        margin: ``[rows]``, nats between the answer and the likeliest other candidate, NaN where
            a row chooses nothing; None of texts.
        sets: int8 ``[rows, 3]``, by level the set that the row's example is in, an index of
            ``tasks.sets.SETS``; -1 where nothing says what is right after its source.
        answered: ``[rows]``, whether anything says what is right after the row's prompt.
        parsed: ``[rows]``, whether a text is an answer at all; None of scores.
    """

    records: pa.Table
    examples: pa.Table
    right: Bools
    other: Masks
    known: Bools
    sets: np.ndarray[Any, np.dtype[np.int8]]
    answered: Bools
    chosen: np.ndarray[Any, np.dtype[np.int16]]
    parsed: Bools | None = None
    margin: np.ndarray[Any, np.dtype[np.float32]] | None = None


def _state(finite: bool, which: Which) -> tuple[Bools, Bools]:
    """``finite`` and ``unchanged`` of a prompt: the target is what it is without a transplant."""
    return np.array([finite]), np.array([which == "target"])
