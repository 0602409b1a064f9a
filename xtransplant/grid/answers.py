"""What rows of an example answer, and whether that is right.

A row is a cell of the grid, or one of the two prompts without a transplant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.engine.outcome import Generations, Scores
from xtransplant.prompts import Example, Key
from xtransplant.runs.measured import Measured, Which
from xtransplant.tasks.judging import judge_scores, judge_texts

__all__ = ["Answers"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Answers:
    """Rows by their scores and by their outputs; None for what was not asked for."""

    scored: Measured | None
    generated: Measured | None

    @classmethod
    def of(cls, scores: Scores | None, generations: Generations | None, which: Which) -> Answers:
        """The rows of an engine's results."""
        return cls(
            Measured.of_scores(scores, which) if scores else None,
            Measured.of_generations(generations, which) if generations else None,
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
            assert self.scored.logprobs is not None
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
            assert one.logprobs is not None
            right = judge_scores(example, one.logprobs, one.top_tokens, one.finite)
            if right is not None:
                return right
        if self.generated is None or not any(answer.strip() for answer in key.answers):
            return None
        return judge_texts(key, self.generated.outputs, self.generated.finite)
