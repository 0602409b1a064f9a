"""What some rows of an example say, by scores and in texts: its cells, or one of its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from xtransplant.engine.generate import Generations
from xtransplant.engine.score import Scores
from xtransplant.prompts import Example, Key
from xtransplant.tasks.judging import judge_scores, judge_texts

__all__ = ["Said"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]
What = Literal["cells", "source", "target"]


@dataclass(frozen=True)
class Told:
    """By log-probabilities ``[rows, n_candidates]`` and the most probable next tokens."""

    logprobs: np.ndarray[Any, np.dtype[np.float64]]
    tops: Sequence[str]
    finite: Bools

    @classmethod
    def of(cls, scores: Scores, what: What) -> Told:
        """All cells, or a prompt without a transplant as a single row."""
        if what == "cells":
            tops = [tokens[0] for tokens in scores.top_tokens]
            return cls(scores.logprobs, tops, scores.finite)
        if what == "source":
            row, top, finite = scores.source, scores.source_top, scores.source_finite
        else:
            row, top, finite = scores.vanilla, scores.vanilla_top, scores.vanilla_finite
        return cls(row[None], [top[0]], np.array([finite]))


@dataclass(frozen=True)
class Texts:
    """By what was generated."""

    outputs: Sequence[str]
    finite: Bools

    @classmethod
    def of(cls, said: Generations, what: What) -> Texts:
        """All cells, or a prompt without a transplant as a single row."""
        if what == "cells":
            return cls(said.outputs, np.array(said.finite))
        if what == "source":
            return cls([said.source], np.array([said.source_finite]))
        return cls([said.vanilla], np.array([said.vanilla_finite]))


@dataclass(frozen=True)
class Said:
    """Rows, as far as they were asked for."""

    told: Told | None
    texts: Texts | None

    @classmethod
    def of(cls, scores: Scores | None, generations: Generations | None, what: What) -> Said:
        """All cells of a grid, or one of its prompts without a transplant."""
        return cls(
            Told.of(scores, what) if scores else None,
            Texts.of(generations, what) if generations else None,
        )

    def answers(self, example: Example) -> tuple[str | None, ...]:
        """Each row's text, else its likeliest candidate, else its top token; None if not finite."""
        if self.texts is not None:
            answers, finite = list(self.texts.outputs), self.texts.finite
        else:
            assert self.told is not None
            answers, finite = list(self.told.tops), self.told.finite
            if len(example.candidates) > 1:
                answers = [example.candidates[k] for k in self.told.logprobs.argmax(axis=1)]
        return tuple(one if ok else None for one, ok in zip(answers, finite, strict=True))

    def judged(self, example: Example, key: Key) -> Bools | None:
        """``[rows, 3]`` by level: right by scores, else by text; None where neither can be told."""
        if self.told is not None:
            told = self.told
            right = judge_scores(example, told.logprobs, told.tops, told.finite)
            if right is not None:
                return right
        if self.texts is None or not any(answer.strip() for answer in key.answers):
            return None
        return judge_texts(key, self.texts.outputs, self.texts.finite)
