"""What counts as right, for a single grid and for a bench alike: of texts, and of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, Key
from xtransplant.tasks.matching import CHOOSING, Verdict
from xtransplant.tasks.rules import apply_rule, find_rule, rule_names

__all__ = [
    "LEVELS", "NO_CHOICE", "NO_OPTIONS", "Choices", "choose", "judge_scores", "judge_text",
    "judge_texts",
]  # fmt: skip

LEVELS = ("strict", "match", "lenient")
"""Levels at which an answer is right, in this order; see ``tasks.matching``."""

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
NO_CHOICE, NO_OPTIONS = -1, -2
"""In place of an option's number: none is chosen; there is nothing to choose from."""


def judge_text(output: str, key: Key) -> Verdict:
    """Whether a text is right by its key's rule, at every level.

    Without answers, and with one that is none of the key's options, nothing is.

    Raises:
        XTransplantError: no such rule, or one that needs options and is given none.
    """
    find_rule(key.rule)  # also where nothing is judged
    if key.rule in CHOOSING and not key.options:
        raise XTransplantError(
            f"rule {key.rule!r} chooses between options, and the key has none: give "
            f"Key(options=...), or take another rule: "
            f"{', '.join(name for name in rule_names() if name not in CHOOSING)}"
        )
    if not key.answers or (key.options and key.answers[0] not in key.options):
        return Verdict(strict=False, match=False, lenient=False)
    return apply_rule(key.rule, output, key)


def judge_texts(key: Key, outputs: Sequence[str], finite: Bools) -> Bools:
    """``[rows, 3]`` by level: which texts are right, none of those that are not finite.

    Raises:
        XTransplantError: as :func:`judge_text`.
    """
    known = {output: judge_text(output, key) for output in set(outputs)}
    verdicts = (known[output] for output in outputs)
    right = [(verdict.strict, verdict.match, verdict.lenient) for verdict in verdicts]
    return np.array(right, dtype=np.bool_).reshape(-1, 3) & finite[:, None]


def judge_scores(
    example: Example, logprobs: np.ndarray[Any, Any], tops: Sequence[str], finite: Bools
) -> Bools | None:
    """``[rows, 3]`` by level: which rows choose the answer; see :func:`choose`.

    Returns:
        None where there is nothing to choose: fewer than two candidates, or an answer that is
        none of them.
    """
    if len(example.candidates) < 2 or example.answer not in example.candidates:
        return None
    chosen = choose(logprobs, example.candidates, tops, finite)
    return chosen.right(example.candidates.index(example.answer))


@dataclass(frozen=True)
class Choices:
    """Which of some candidates each row chooses; -1 for none.

    Attributes:
        strict: ``[rows]``, the likeliest, if the most probable next token begins it too.
        match: ``[rows]``, the likeliest.
        by_character: ``[rows]``, the likeliest by the mean over characters (``acc_norm`` of
            lm-evaluation-harness); ``lenient`` takes it as well as the likeliest.
    """

    strict: Ints
    match: Ints
    by_character: Ints

    def right(self, candidate: int) -> Bools:
        """``[rows, 3]`` by level: whether it is this candidate that is chosen."""
        match = self.match == candidate
        return np.stack(
            [self.strict == candidate, match, match | (self.by_character == candidate)], 1
        )

    def masks(self, masks: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
        """``[rows, 3]``: of bit masks ``[n_candidates]`` those of what is chosen, by level."""
        # The last one is for rows that choose nothing.
        several = np.append(masks, np.uint8(0))
        match = several[self.match]
        return np.stack([several[self.strict], match, match | several[self.by_character]], axis=1)


def choose(
    logprobs: np.ndarray[Any, Any], candidates: Sequence[str], tops: Sequence[str], finite: Bools
) -> Choices:
    """What is chosen by log-likelihoods.

    Args:
        logprobs: ``[rows, n_candidates]``, nats.
        candidates: their texts, whose lengths in characters ``by_character`` goes by.
        tops: the most probable next token of each row.
        finite: ``[rows]``; a row that is not finite chooses nothing. Nor does any row where
            there is but one candidate.
    """
    none = np.full(len(logprobs), NO_CHOICE, dtype=np.int64)
    if len(candidates) < 2:
        return Choices(none, none, none)
    finite = finite & np.isfinite(logprobs).all(axis=1)
    lengths = np.array([max(1, len(text)) for text in candidates])
    match = np.where(finite, logprobs.argmax(axis=1), NO_CHOICE)
    by_character = np.where(finite, (logprobs / lengths).argmax(axis=1), NO_CHOICE)
    # Most rows of an example have the same top token: each is compared once.
    words, at = np.unique(np.array(tops, dtype=object), return_inverse=True)
    begun = np.array(
        [[bool(top.strip()) and text.startswith(top) for text in candidates] for top in words]
    )
    strict = np.where(finite & begun[at, match], match, NO_CHOICE)
    return Choices(strict, match, by_character)
