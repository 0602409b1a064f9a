"""Compare two runs of one grid. Numbers that are not finite never compare as equal.

A NaN or an infinity in either run fails a comparison, also where both runs have the same one: an
infinite log-probability comes of an overflow, and does not tell what either run computed. (Tokens
that a model rules out have a very low logit, in float16 too, and stay finite.)
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
        """Whether all are finite, and no log-probability is further off than this (nats)."""
        return not self.broken and self.worst <= tolerance

    def __str__(self) -> str:
        """In words, for the terminal."""
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
        beyond: how many of these diverge at a token that was no near tie: where the second most
            probable token was further behind than rounding may tip.
        worst: largest difference of a token's log-probability, up to where texts diverge, in nats;
            None where the certainty of the first run's tokens is not known.
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
        one: the first.
        other: the second, of the same shape.
        names: what the two are called in :attr:`Difference.broken`.
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
            if text := name_not_finite(values):
                broken.append(f"{text} of {what} ({name})")
        found.append(float(np.abs(pair[0] - pair[1]).max(initial=0.0)) if not broken else math.nan)
    tops = [[tokens[0] for tokens in run.top_tokens] for run in (one, other)]
    apart = sum(x != y for x, y in zip(tops[0], tops[1], strict=True))
    worst = math.nan if broken else max(found)
    return Difference(worst, apart / max(1, len(tops[0])), "; ".join(broken))


def name_not_finite(values: Floats) -> str:
    """How many of some values are not finite, and what they are, in words; empty if all are."""
    n_nan, n_infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    if not n_nan + n_infinite:
        return ""
    kinds = " and ".join(["NaN"] * bool(n_nan) + ["infinite"] * bool(n_infinite))
    return f"{n_nan + n_infinite} of {values.size} {kinds}"


def text_difference(
    found: Generations, reference: Generations, tie: float, names: tuple[str, str]
) -> TextDifference:
    """Two runs of one grid's texts.

    Args:
        found: the run that is checked.
        reference: the run it is checked against, with the certainty of each token.
        tie: by how many nats a token may win or lose to another and be taken for a near tie.
        names: as in :func:`difference`.
    """
    texts = list(zip(_ids(found), _ids(reference), strict=True))
    different = beyond = 0
    worst = 0.0 if found.certainty else None
    broken = {
        name: name_not_finite(np.array([pair for row in run.certainty for pair in row]))
        for name, run in zip(names, (found, reference), strict=True)
    }
    for row, (mine, theirs) in enumerate(texts):
        step = next((t for t, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), None)
        if worst is not None:
            certainty = [run.certainty[row] for run in (found, reference)]
            last = min(len(mine), len(theirs)) if step is None else step + 1
            pairs = zip(certainty[0][:last], certainty[1][:last], strict=True)
            gaps = [abs(a.logprob - b.logprob) for a, b in pairs]
            worst = max([worst, *gaps])
        if mine == theirs:
            continue
        different += 1
        # Where one text is a prefix of the other, no token differs: there is no tie to blame.
        beyond += step is None or not reference.certainty[row][step].margin <= tie
    named = [f"{text} of the certainties ({name})" for name, text in broken.items() if text]
    return TextDifference(len(texts), different, beyond, worst, "; ".join(named))


def _ids(run: Generations) -> tuple[tuple[int, ...], ...]:
    return (run.vanilla_ids, *run.token_ids)
