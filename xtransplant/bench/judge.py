"""Judging what was stored: from a part's tables alone, so that it can be done again offline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Key
from xtransplant.runs.tables import SOURCE, correct_table, key_of
from xtransplant.tasks.matching import RULES, Rule

__all__ = ["judge"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]
_WRONG = (False, False, False)


def judge(records: pa.Table, examples: pa.Table, rule: str) -> pa.Table:
    """Which of a part's records are right, at every level, row by row.

    Texts are judged by the task's rule. Where candidates were scored: ``match`` if the answer is
    the likeliest candidate; ``strict`` if the most probable next token also begins it;
    ``lenient`` if it is the likeliest by the sum or by the mean over characters (``acc_norm`` of
    lm-evaluation-harness).

    Args:
        rule: a name in ``matching.RULES``.

    Raises:
        XTransplantError: records without texts, or an unknown rule.
    """
    if rule not in RULES:
        raise XTransplantError(f"unknown rule {rule!r}; choose {', '.join(RULES)}")
    rows = {row["example"]: row for row in examples.to_pylist()}
    if "output" in records.column_names:
        return _texts(records, rows, RULES[rule])
    if "logprobs" in records.column_names:
        return _scores(records, rows)
    raise XTransplantError(
        "these records hold no outputs (the run was made with --no-log-samples), so they cannot "
        "be judged again; run it with --log-samples"
    )


def _texts(records: pa.Table, rows: dict[int, dict[str, Any]], rule: Rule) -> pa.Table:
    outputs = records["output"].to_pylist()
    examples = records["example"].to_numpy()
    is_source = _is_source(records)
    right, other = (np.zeros((len(outputs), 3), dtype=np.bool_) for _ in range(2))
    # Most variants of an example say the same.
    known: dict[tuple[int, bool, str], tuple[tuple[bool, ...], tuple[bool, ...]]] = {}
    keys: dict[tuple[int, bool], tuple[Key, Key]] = {}
    for k, (number, of_source, output) in enumerate(
        zip(examples.tolist(), is_source.tolist(), outputs, strict=True)
    ):
        told = known.get((number, of_source, output))
        if told is None:
            if (number, of_source) not in keys:
                key = key_of(rows[number], "source_" if of_source else "")
                theirs = replace(key, answers=tuple(rows[number]["other_answers"]), also=())
                keys[number, of_source] = key, theirs
            own, theirs = keys[number, of_source]
            told = known[number, of_source, output] = (
                _levels(rule, output, own), _levels(rule, output, theirs)
            )  # fmt: skip
        right[k], other[k] = told
    return correct_table(right, other, None)


def _levels(rule: Rule, output: str, key: Key) -> tuple[bool, ...]:
    if not key.answers or (key.options and key.answers[0] not in key.options):
        return _WRONG  # another example's answer that is no option of this one
    verdict = rule(output, key)
    return verdict.strict, verdict.match, verdict.lenient


def _scores(records: pa.Table, rows: dict[int, dict[str, Any]]) -> pa.Table:
    column = records["logprobs"].combine_chunks()
    flat, starts = column.values.to_numpy(), column.offsets.to_numpy()
    tops = np.array(records["top_token"].to_pylist(), dtype=object)
    examples = records["example"].to_numpy()
    right, other = (np.zeros((len(examples), 3), dtype=np.bool_) for _ in range(2))
    margin = np.full(len(examples), np.nan, dtype=np.float32)
    is_source = _is_source(records)
    for (number, row), of_source in product(rows.items(), (False, True)):
        at = np.flatnonzero((examples == number) & (is_source == of_source))
        candidates = row["candidates"]
        if not len(at) or not candidates:
            continue
        # After the source the same answers are spelled as they go on there.
        spelled = row["source_candidates"] if of_source else candidates
        # [rows of the example, candidates]
        logprobs = flat[starts[at][:, None] + np.arange(len(candidates))]
        lengths = np.array([max(1, len(text)) for text in spelled])
        likeliest, by_character = logprobs.argmax(1), (logprobs / lengths).argmax(1)
        begins = _begins(tops[at])

        def levels(
            answer: str,
            candidates: list[str] = candidates,
            spelled: list[str] = spelled,
            likeliest: Any = likeliest,
            by_character: Any = by_character,
            begins: Callable[[str], Bools] = begins,
        ) -> Bools:
            if answer not in candidates:
                return np.zeros((len(likeliest), 3), dtype=np.bool_)
            gold = candidates.index(answer)
            match = likeliest == gold
            lenient = match | (by_character == gold)
            return np.stack([match & begins(spelled[gold]), match, lenient], axis=1)

        right[at], other[at] = levels(row["answer"]), levels(row["other_answer"])
        if row["answer"] in candidates and len(candidates) > 1:
            gold = candidates.index(row["answer"])
            rest = np.delete(logprobs, gold, axis=1).max(1)
            margin[at] = logprobs[:, gold] - rest
    return correct_table(right, other, margin)


def _begins(tops: np.ndarray[Any, Any]) -> Callable[[str], Bools]:
    """Whether the most probable next token of each row begins an answer."""

    def begins(answer: str) -> Bools:
        return np.array([bool(top.strip()) and answer.startswith(top) for top in tops])

    return begins


def _is_source(records: pa.Table) -> Bools:
    strategies = records["strategy"].combine_chunks()
    names = strategies.dictionary.to_pylist()
    code = names.index(SOURCE) if SOURCE in names else -1
    return np.asarray(strategies.indices.to_numpy() == code)
