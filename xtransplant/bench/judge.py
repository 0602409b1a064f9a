"""Judging stored records: from a part's tables alone, so that it can be done again offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Key
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.examples_table import row_key
from xtransplant.runs.measured import Judged
from xtransplant.runs.rows import correct_table
from xtransplant.tasks.baselines import TARGET_THEN_SOURCE, after_source
from xtransplant.tasks.judging import LEVELS, NO_CHOICE, NO_OPTIONS, choose, judge_text
from xtransplant.tasks.matching import Verdict, is_answer, said_option
from xtransplant.tasks.rules import find_rule
from xtransplant.tasks.sets import UNKNOWN, sets_of

__all__ = ["judge"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Masks = np.ndarray[Any, np.dtype[np.uint8]]
ExampleRow = dict[str, Any]  # one of the table ``examples``


def judge(records: pa.Table, examples: pa.Table, rule: str) -> pa.Table:
    """Which of a part's records are right, at every level, row by row.

    Texts are judged by the task's rule, scores by ``tasks.judging.choose``. A row that is not
    finite is never right, by no answer.

    Args:
        records, examples: the part's tables.
        records: the records of one part, as a table.
        examples: the examples.
        rule: its name; see ``tasks.rules``.

    Returns:
        The table ``correct``.

    Raises:
        XTransplantError: records without texts, or an unknown rule.
    """
    find_rule(rule)
    if "output" in records.column_names:
        found = _judge_texts(records, examples, rule)
    elif "logprobs" in records.column_names:
        found = _judge_scores(records, examples)
    else:
        raise XTransplantError(
            "these records hold no outputs (the run was made with --no-log-samples), so they "
            "cannot be judged again; run it with --log-samples"
        )
    rows = _by_number(examples)
    with_source = np.array([bool(rows[n]["source_answers"]) for n in _numbers(records).tolist()])
    sets, answered = _sets(records, rows, found.right), with_source | ~_is(SOURCE, records)
    parts = found.right, found.other, found.known, sets, answered, found.chosen
    return correct_table(Judged(records, examples, *parts, found.parsed, found.margin))


class _Found(NamedTuple):
    """Some fields of :class:`Judged`."""

    right: Bools
    other: Masks
    known: Bools
    chosen: np.ndarray[Any, np.dtype[np.int16]]
    parsed: Bools | None = None
    margin: np.ndarray[Any, np.dtype[np.float32]] | None = None


def _sets(
    records: pa.Table, rows: dict[int, ExampleRow], right: Bools
) -> np.ndarray[Any, np.dtype[np.int8]]:
    """``[rows, 3]``: the set that each row's example is in, by level; see ``tasks.sets``."""
    numbers = _numbers(records)
    places = {number: k for k, number in enumerate(rows)}
    there, plain = np.zeros((2, len(rows)), bool), np.zeros((2, len(rows), len(LEVELS)), bool)
    for side, prompt in enumerate((SOURCE, VANILLA)):
        of_prompt = np.flatnonzero(_is(prompt, records))
        at = [places[number] for number in numbers[of_prompt].tolist()]
        there[side, at], plain[side, at] = True, right[of_prompt]
    sets = sets_of(*plain)
    answerable = np.array([_is_answerable(row) for row in rows.values()], dtype=bool)
    sets[~(answerable & there.all(axis=0))] = UNKNOWN
    found: np.ndarray[Any, np.dtype[np.int8]]
    found = sets[[places[number] for number in numbers.tolist()]]
    return found


def _is_answerable(row: ExampleRow) -> bool:
    """Whether anything says what is right after either prompt of an example."""
    is_choice = len(row["candidates"]) > 1 and row["answer"] in row["candidates"]
    return bool(row["source_answers"]) and (is_choice or bool(row["answers"]))


def _judge_texts(records: pa.Table, examples: pa.Table, rule: str) -> _Found:
    rows = _by_number(examples)
    of_each = zip(
        _numbers(records).tolist(),
        _is(SOURCE, records).tolist(),
        records["output"].to_pylist(),
        strict=True,
    )
    # Most variants of an example say the same: each text is judged once.
    texts: dict[tuple[int, bool, str], int] = {}
    at = np.array([texts.setdefault(text, len(texts)) for text in of_each])
    right = np.zeros((len(texts), len(LEVELS)), dtype=np.bool_)
    other = np.zeros((len(texts), len(LEVELS)), dtype=np.uint8)
    known, parsed = np.zeros((2, len(texts)), dtype=np.bool_)
    chosen = np.full(len(texts), NO_OPTIONS, dtype=np.int16)
    keys: dict[tuple[int, bool], _Keys] = {}
    for (number, of_source, output), place in texts.items():
        key = keys.get((number, of_source))
        if key is None:
            side = "source_" if of_source else ""
            key = keys[number, of_source] = _Keys.of(rows[number], side, rule)
        right[place] = _levels(judge_text(output, key.own))
        other[place] = key.masks(output)
        known[place] = key.known
        chosen[place], said = _chosen(output, key.own, matches=bool(right[place, 1]))
        parsed[place] = said or right[place].any()
    right, other, chosen, parsed = right[at], other[at], chosen[at], parsed[at]
    finite = records["finite"].to_numpy()
    right[~finite], other[~finite], parsed[~finite] = False, 0, False
    chosen[~finite & (chosen != NO_OPTIONS)] = NO_CHOICE
    return _Found(right, other, known[at], chosen, parsed)


def _chosen(output: str, key: Key, *, matches: bool) -> tuple[int, bool]:
    """The number of the option that a text chooses, and whether it is an answer at all.

    ``matches``: it is right at level ``match``, whatever rule says so.
    """
    if not key.options:
        return NO_OPTIONS, is_answer(output, key)
    said = key.options.index(key.answers[0]) if matches else said_option(output, key)
    return (NO_CHOICE, False) if said is None else (said, True)


@dataclass(frozen=True)
class _Keys:
    """What one example's texts are judged by.

    Attributes:
        own: its own key.
        others: keys with the answers of other examples, and the bits of the derangements that
            give them.
        known: every derangement gives an answer that this example can have.
    """

    own: Key
    others: tuple[tuple[Key, int], ...]
    known: bool

    @classmethod
    def of(cls, row: ExampleRow, side: str, rule: str) -> _Keys:
        """Keys after one of the prompts: ``side`` is ``source_`` for the source."""
        own = replace(row_key(row, side), rule=rule)
        bits: dict[tuple[str, ...], int] = {}
        for number, answers in enumerate(row["other_answers"]):
            if answers and (not own.options or answers[0] in own.options):
                bits[tuple(answers)] = bits.get(tuple(answers), 0) | 1 << number
        others = [(replace(own, answers=answers, also=()), mask) for answers, mask in bits.items()]
        every = (1 << len(row["other_answers"])) - 1
        return cls(own, tuple(others), known=sum(bits.values()) == every)

    def masks(self, output: str) -> list[int]:
        """By level, the derangements by whose answers a text is right."""
        masks = [0] * len(LEVELS)
        for key, mask in self.others:
            for level, right in enumerate(_levels(judge_text(output, key))):
                masks[level] |= mask * right
        return masks


def _judge_scores(records: pa.Table, examples: pa.Table) -> _Found:
    column = records["logprobs"].combine_chunks()
    flat, starts = column.values.to_numpy(), column.offsets.to_numpy()
    tops = np.array(records["top_token"].to_pylist(), dtype=object)
    numbers, finite = _numbers(records), records["finite"].to_numpy()
    right = np.zeros((len(records), len(LEVELS)), dtype=np.bool_)
    other = np.zeros((len(records), len(LEVELS)), dtype=np.uint8)
    known = np.zeros(len(records), dtype=np.bool_)
    margin = np.full(len(records), np.nan, dtype=np.float32)
    choices = np.full(len(records), NO_OPTIONS, dtype=np.int16)
    # Prompts that end as the source does, whose candidates are spelled as they go on there.
    ends = {name: _is(name, records) for name in (SOURCE, TARGET_THEN_SOURCE)}
    ends[VANILLA] = ~(ends[SOURCE] | ends[TARGET_THEN_SOURCE])
    for (number, row), (end, there) in product(_by_number(examples).items(), ends.items()):
        at = np.flatnonzero((numbers == number) & there)
        candidates: list[str] = row["candidates"]
        if not len(at) or not candidates:
            continue
        spelled = {
            SOURCE: row["source_candidates"], VANILLA: candidates,
            TARGET_THEN_SOURCE: after_source(candidates, row["source_candidates"]),
        }[end]  # fmt: skip
        # [rows of the example, candidates]
        logprobs = flat[starts[at][:, None] + np.arange(len(candidates))]
        chosen = choose(logprobs, spelled, tops[at].tolist(), finite[at])
        other[at] = chosen.masks(_candidate_masks(candidates, row["other_answer"]))
        if len(candidates) > 1:
            choices[at] = chosen.match
        known[at] = all(answer in candidates for answer in row["other_answer"])
        if row["answer"] in candidates and len(candidates) > 1:
            gold = candidates.index(row["answer"])
            right[at] = chosen.right(gold)
            chose = chosen.match >= 0
            rest = np.delete(logprobs[chose], gold, axis=1).max(1)
            margin[at[chose]] = logprobs[chose, gold] - rest
    return _Found(right, other, known, choices, margin=margin)


def _candidate_masks(
    candidates: list[str], others: Sequence[str | None]
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Per candidate, the derangements that give it as the answer."""
    masks = np.zeros(len(candidates), dtype=np.uint8)
    for bit, answer in enumerate(others):
        if answer in candidates:
            masks[candidates.index(answer)] |= np.uint8(1 << bit)
    return masks


def _levels(verdict: Verdict) -> tuple[bool, bool, bool]:
    return verdict.strict, verdict.match, verdict.lenient


def _by_number(examples: pa.Table) -> dict[int, ExampleRow]:
    return {row["example"]: row for row in examples.to_pylist()}


def _numbers(records: pa.Table) -> np.ndarray[Any, np.dtype[np.int32]]:
    """``[rows]``: the number of each row's example."""
    found: np.ndarray[Any, np.dtype[np.int32]] = records["example"].to_numpy()
    return found


def _is(prompt: str, records: pa.Table) -> Bools:
    """``[rows]``: which rows are of ``vanilla`` or ``source``."""
    strategies = records["strategy"].combine_chunks()
    names = strategies.dictionary.to_pylist()
    code = names.index(prompt) if prompt in names else -1
    return np.asarray(strategies.indices.to_numpy() == code)
