"""What rows of an example answer, and whether that is right.

A row is a cell of the grid, or one of the two prompts without a transplant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from xtransplant.engine.outcome import Generations, Scores
from xtransplant.prompts import Example, Key
from xtransplant.tasks.judging import judge_scores, judge_texts

__all__ = ["Answers", "Rows"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Rows = Literal["cells", "source", "target"]
"""All cells of a grid, or a prompt without a transplant as a single row."""


@dataclass(frozen=True)
class _Scored:
    """Rows as they were scored.

    Attributes:
        logprobs: ``[rows, n_candidates]``, nats.
        top_tokens: ``[rows]``, each row's most probable next token.
        finite: ``[rows]``.
    """

    logprobs: np.ndarray[Any, np.dtype[np.float64]]
    top_tokens: Sequence[str]
    finite: Bools


@dataclass(frozen=True)
class _Generated:
    """Rows as they were generated: ``outputs`` and ``finite`` are both ``[rows]``."""

    outputs: Sequence[str]
    finite: Bools


@dataclass(frozen=True)
class Answers:
    """Rows by their scores and by their outputs; None for what was not asked for."""

    scored: _Scored | None
    generated: _Generated | None

    @classmethod
    def of(cls, scores: Scores | None, generations: Generations | None, rows: Rows) -> Answers:
        """The rows of an engine's results."""
        return cls(
            _scored(scores, rows) if scores else None,
            _generated(generations, rows) if generations else None,
        )

    def texts(self, example: Example) -> tuple[str | None, ...]:
        """Each row's output, else its likeliest candidate, else its top token; None if not finite.

        Args:
            example: with the candidates in the order of ``scored.logprobs``.
        """
        if self.generated is not None:
            answers, finite = list(self.generated.outputs), self.generated.finite
        else:
            assert self.scored is not None
            answers, finite = list(self.scored.top_tokens), self.scored.finite
            if len(example.candidates) > 1:
                answers = [example.candidates[k] for k in self.scored.logprobs.argmax(axis=1)]
        return tuple(one if ok else None for one, ok in zip(answers, finite, strict=True))

    def correct(self, example: Example, key: Key) -> Bools | None:
        """``[rows, 3]`` by level of correctness: by scores where there is a choice, else by output.

        Returns:
            None where there is neither a choice between candidates nor an output to judge.
        """
        if self.scored is not None:
            one = self.scored
            right = judge_scores(example, one.logprobs, one.top_tokens, one.finite)
            if right is not None:
                return right
        if self.generated is None or not any(answer.strip() for answer in key.answers):
            return None
        return judge_texts(key, self.generated.outputs, self.generated.finite)


def _scored(scores: Scores, rows: Rows) -> _Scored:
    if rows == "cells":
        top_tokens = [tokens[0] for tokens in scores.top_tokens]
        return _Scored(scores.logprobs, top_tokens, scores.finite)
    if rows == "source":
        row, top, finite = scores.source, scores.source_top, scores.source_finite
    else:
        row, top, finite = scores.vanilla, scores.vanilla_top, scores.vanilla_finite
    return _Scored(row[None], [top[0]], np.array([finite]))


def _generated(generations: Generations, rows: Rows) -> _Generated:
    if rows == "cells":
        return _Generated(generations.outputs, np.array(generations.finite))
    if rows == "source":
        return _Generated([generations.source], np.array([generations.source_finite]))
    return _Generated([generations.vanilla], np.array([generations.vanilla_finite]))
