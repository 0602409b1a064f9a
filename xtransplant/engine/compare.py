"""Two runs of one grid held against each other. What is not a number is never let pass.

A NaN or an infinity in either run fails a comparison, also where both runs have the same one: an
infinite log-probability comes of an overflow, and says of neither run what it computed. (Tokens
that a model rules out have a very low logit, in float16 too, and stay numbers.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.engine.outcome import Generations, Scores

__all__ = ["Difference", "TextDifference", "difference", "text_difference"]

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Difference:
    """How far the scores of two runs are apart.

    Attributes:
        worst: largest difference of a log-probability, in nats; NaN where some are not finite.
        other_tops: share of variants whose most probable next token is another one.
        broken: which numbers of which run are not finite, in words; empty if all are.
    """

    worst: float
    other_tops: float
    broken: str = ""

    def within(self, tolerance: float) -> bool:
        """Whether every log-probability is a number, and none is further off than this (nats)."""
        return not self.broken and self.worst <= tolerance

    def __str__(self) -> str:
        if self.broken:
            return self.broken
        text = f"largest difference {self.worst:.2g} nats"
        if self.other_tops:
            text += f", another top token in {self.other_tops:.1%} of the cells"
        return text


@dataclass(frozen=True)
class TextDifference:
    """How the texts of two runs differ.

    Attributes:
        n_texts: how many were compared, those without a transplant included.
        different: how many differ.
        beyond: how many of these part at a token that was no near tie: where the next likeliest
            was further behind than rounding may tip.
        worst: largest difference of a token's log-probability, up to where texts part, in nats;
            None where the two runs did not both say how sure they were.
        broken: which of these are not finite, in words; empty if all are.
    """

    n_texts: int
    different: int
    beyond: int
    worst: float | None = None
    broken: str = ""


def difference(one: Scores, other: Scores, names: tuple[str, str]) -> Difference:
    """Two runs of one grid's scores.

    Args:
        one: a run of the grid.
        other: another run of the same grid.
        names: what the two are called where their numbers are no numbers.
    """
    kinds = {
        "the candidates' log-likelihoods": "logprobs",
        "those of the target without a transplant": "vanilla",
        "those of the source": "source",
        "the next tokens' log-probabilities": "top_logprobs",
    }
    found, broken = [0.0], []
    for what, field in kinds.items():
        pair: list[Floats] = [getattr(run, field) for run in (one, other)]
        for name, values in zip(names, pair, strict=True):
            if text := not_finite(values):
                broken.append(f"{text} of {what} ({name})")
        found.append(float(np.abs(pair[0] - pair[1]).max(initial=0.0)) if not broken else math.nan)
    tops = [[tokens[0] for tokens in run.top_tokens] for run in (one, other)]
    apart = sum(x != y for x, y in zip(tops[0], tops[1], strict=True))
    worst = math.nan if broken else max(found)
    return Difference(worst, apart / max(1, len(tops[0])), "; ".join(broken))


def not_finite(values: Floats) -> str:
    """How many of some values are not finite, and what they are, in words; empty if all are."""
    n_nan, n_infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    if not n_nan + n_infinite:
        return ""
    kinds = " and ".join(["NaN"] * bool(n_nan) + ["infinite"] * bool(n_infinite))
    return f"{n_nan + n_infinite} of {values.size} {kinds}"


def text_difference(
    found: Generations, reference: Generations, tie: float, names: tuple[str, str]
) -> TextDifference:
    """Two runs of one grid's texts; the reference has to say how sure it was of each token.

    Args:
        found: a run of the grid.
        reference: the run that it is held against.
        tie: by how many nats a token may win or lose to another and be taken for a near tie.
        names: as in :func:`difference`.
    """
    texts = list(zip(_ids(found), _ids(reference), strict=True))
    different = beyond = 0
    worst = 0.0 if found.certainty else None
    broken = {
        name: not_finite(np.array([pair for row in run.certainty for pair in row]))
        for name, run in zip(names, (found, reference), strict=True)
    }
    for row, (mine, theirs) in enumerate(texts):
        step = next((t for t, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), None)
        if worst is not None:
            sure = [run.certainty[row] for run in (found, reference)]
            last = min(len(mine), len(theirs)) if step is None else step + 1
            gaps = [abs(a[0] - b[0]) for a, b in zip(sure[0][:last], sure[1][:last], strict=True)]
            worst = max([worst, *gaps])
        if mine == theirs:
            continue
        different += 1
        # One that goes on where the other has ended has said the same: there is no tie to blame.
        beyond += step is None or not reference.certainty[row][step][1] <= tie
    said = [f"{text} of the certainties ({name})" for name, text in broken.items() if text]
    return TextDifference(len(texts), different, beyond, worst, "; ".join(said))


def _ids(run: Generations) -> tuple[tuple[int, ...], ...]:
    return (run.vanilla_ids, *run.token_ids)
