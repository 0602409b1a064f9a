"""Judging what was stored: from a part's tables alone, so that it can be done again offline."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Key
from xtransplant.runs.columns import SOURCE, correct_table, row_key
from xtransplant.tasks.judging import choices, find_rule, judge_text

__all__ = ["judge"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Masks = np.ndarray[Any, np.dtype[np.uint8]]


def judge(records: pa.Table, examples: pa.Table, rule: str) -> pa.Table:
    """Which of a part's records are right, at every level, row by row.

    Texts are judged by the task's rule, scores by ``tasks.judging.choices``. A cell that is not
    finite is never right, by no answer.

    Args:
        rule: a name in ``matching.RULES``.

    Raises:
        XTransplantError: records without texts, or an unknown rule.
    """
    find_rule(rule)
    rows = {row["example"]: row for row in examples.to_pylist()}
    if "output" in records.column_names:
        return _texts(records, rows, rule)
    if "logprobs" in records.column_names:
        return _scores(records, rows)
    raise XTransplantError(
        "these records hold no outputs (the run was made with --no-log-samples), so they cannot "
        "be judged again; run it with --log-samples"
    )


class _Keys:
    """What one example's texts are judged by: its own key, and others' with their bits."""

    def __init__(self, row: dict[str, Any], side: str, rule: str) -> None:
        self.own = replace(row_key(row, side), rule=rule)
        bits: dict[tuple[str, ...], int] = {}
        self.known = True
        for number, answers in enumerate(row["other_answers"]):
            options = self.own.options
            if answers is None or not answers or (options and answers[0] not in options):
                self.known = False
                continue
            bits[tuple(answers)] = bits.get(tuple(answers), 0) | 1 << number
        self.others: list[tuple[Key, int]] = [
            (replace(self.own, answers=answers, also=()), mask) for answers, mask in bits.items()
        ]

    def judge(self, output: str) -> tuple[list[bool], list[int]]:
        """Right by its own answer, and the masks of the others', by level."""
        verdict, masks = judge_text(output, self.own), [0, 0, 0]
        for key, mask in self.others:
            theirs = judge_text(output, key)
            for level, right in enumerate((theirs.strict, theirs.match, theirs.lenient)):
                masks[level] |= mask * right
        return [verdict.strict, verdict.match, verdict.lenient], masks


def _texts(records: pa.Table, rows: dict[int, dict[str, Any]], rule: str) -> pa.Table:
    outputs = records["output"].to_pylist()
    examples = records["example"].to_numpy().tolist()
    finite, is_source = records["finite"].to_numpy(), _is_source(records)
    # Most variants of an example say the same: each text is judged once.
    texts: dict[tuple[int, bool, str], int] = {}
    at = np.array(
        [
            texts.setdefault(said, len(texts))
            for said in zip(examples, is_source.tolist(), outputs, strict=True)
        ]
    )
    right = np.zeros((len(texts), 3), dtype=np.bool_)
    other = np.zeros((len(texts), 3), dtype=np.uint8)
    known = np.zeros(len(texts), dtype=np.bool_)
    keys: dict[tuple[int, bool], _Keys] = {}
    for (number, of_source, output), place in texts.items():
        key = keys.get((number, of_source))
        if key is None:
            side = "source_" if of_source else ""
            key = keys[number, of_source] = _Keys(rows[number], side, rule)
        right[place], other[place] = key.judge(output)
        known[place] = key.known
    right, other = right[at], other[at]
    right[~finite], other[~finite] = False, 0
    return correct_table(
        right, other, known[at], None, finite=records["finite"], unchanged=records["unchanged"]
    )


def _scores(records: pa.Table, rows: dict[int, dict[str, Any]]) -> pa.Table:
    column = records["logprobs"].combine_chunks()
    flat, starts = column.values.to_numpy(), column.offsets.to_numpy()
    tops = np.array(records["top_token"].to_pylist(), dtype=object)
    examples, finite = records["example"].to_numpy(), records["finite"].to_numpy()
    right = np.zeros((len(examples), 3), dtype=np.bool_)
    other = np.zeros((len(examples), 3), dtype=np.uint8)
    known = np.zeros(len(examples), dtype=np.bool_)
    margin = np.full(len(examples), np.nan, dtype=np.float32)
    is_source = _is_source(records)
    for (number, row), of_source in product(rows.items(), (False, True)):
        at = np.flatnonzero((examples == number) & (is_source == of_source))
        candidates: list[str] = row["candidates"]
        if not len(at) or not candidates:
            continue
        # After the source the same answers are spelled as they go on there.
        spelled = row["source_candidates"] if of_source else candidates
        # [rows of the example, candidates]
        logprobs = flat[starts[at][:, None] + np.arange(len(candidates))]
        chosen = choices(logprobs, spelled, tops[at].tolist(), finite[at])
        masks = np.zeros(len(candidates), dtype=np.uint8)
        for bit, answer in enumerate(row["other_answer"]):
            if answer in candidates:
                masks[candidates.index(answer)] |= np.uint8(1 << bit)
        other[at] = chosen.masks(masks)
        known[at] = all(answer in candidates for answer in row["other_answer"])
        if row["answer"] in candidates and len(candidates) > 1:
            gold = candidates.index(row["answer"])
            right[at] = chosen.right(gold)
            chose = chosen.match >= 0
            rest = np.delete(logprobs[chose], gold, axis=1).max(1)
            margin[at[chose]] = logprobs[chose, gold] - rest
    return correct_table(
        right, other, known, margin, finite=records["finite"], unchanged=records["unchanged"]
    )


def _is_source(records: pa.Table) -> Bools:
    strategies = records["strategy"].combine_chunks()
    names = strategies.dictionary.to_pylist()
    code = names.index(SOURCE) if SOURCE in names else -1
    return np.asarray(strategies.indices.to_numpy() == code)
