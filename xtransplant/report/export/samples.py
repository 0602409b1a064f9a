"""The examples that a system answered, with what it said, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.prompts import Example
from xtransplant.report.export.systems import System
from xtransplant.report.summary import NO_PAIR
from xtransplant.runs.at_pairs import rows_at
from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.runs.manifest import Part
from xtransplant.runs.read import part_records, read_part
from xtransplant.runs.store import Run
from xtransplant.tasks.baselines import SOURCE_THEN_TARGET, TARGET_THEN_SOURCE, Baseline

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Sample", "part_samples"]


@dataclass(frozen=True)
class Sample:
    """One example, and what a system answered.

    Attributes:
        number, id, lang: of the example.
        prompt: what was read; of a few-shot baseline the target prompt alone.
        source, target: the example's two prompts.
        candidates: answers that were scored, as they are spelled after the prompt.
        options: those that the prompt offers, where it says so.
        answers: any of them is right; of scores the one candidate.
        output: what was generated; None of scores.
        logprobs: of the candidates, in nats; empty of texts.
        record: the rest of the record and its judgement, by column.
    """

    number: int
    id: str
    lang: str
    prompt: str
    source: str
    target: str
    candidates: tuple[str, ...]
    options: tuple[str, ...]
    answers: tuple[str, ...]
    output: str | None
    logprobs: tuple[float, ...]
    record: dict[str, Any]

    @property
    def said(self) -> str:
        """The text; of scores the candidate that was chosen, empty where none was."""
        if self.output is not None:
            return self.output
        at = self.record["chosen"]
        return self.candidates[at] if at is not None and 0 <= at < len(self.candidates) else ""

    def right(self, level: str) -> bool:
        """Whether that is right."""
        return bool(self.record[level])


def part_samples(
    run: Run, part: Part, systems: Sequence[System]
) -> Iterator[tuple[System, list[Sample]]]:
    """A part's samples by system: those examples that the system's row counts.

    Raises:
        XTransplantError: a damaged part.
    """
    records = part_records(run, part)
    examples = {row["example"]: row for row in read_part(run, "examples", part).to_pylist()}
    ran = _ran(records) if run.manifest.only != "all" else None
    for system in systems:
        pair = system.pair(part.lang) if part.lang in system.row.rates else None
        if pair is None:
            yield system, []
            continue
        mine, _, _ = rows_at(records, system.name, () if pair == NO_PAIR else (pair,))
        rows = records.filter(mine).to_pylist()
        if system.name in (VANILLA, SOURCE):
            rows = [row for row in rows if row[CORRECT[0]] is not None]
            rows = [row for row in rows if ran is None or row["example"] in ran]
        yield system, [_sample(system.name, part.lang, examples[row["example"]], row)
                       for row in rows]  # fmt: skip


def _ran(records: pa.Table) -> frozenset[int]:
    """Examples that more is stored of than the two prompts' answers."""
    column = records["strategy"].combine_chunks()
    names = column.dictionary.to_pylist()
    plain = [names.index(name) for name in (VANILLA, SOURCE) if name in names]
    grids = ~np.isin(column.indices.to_numpy(), plain)
    return frozenset(np.unique(records["example"].to_numpy()[grids]).tolist())


def _sample(name: str, lang: str, example: dict[str, Any], record: dict[str, Any]) -> Sample:
    own = _asked(name, example)
    logprobs = tuple(record.pop("logprobs", None) or ())
    output = record.pop("output", None)
    if logprobs and own.answer is not None:
        answers: tuple[str, ...] = (own.answer,)
    else:
        side = "source_" if name == SOURCE else ""
        answers = tuple(example[f"{side}answers"])
    return Sample(
        example["example"], example["id"], lang, own.target, example["source"], example["target"],
        own.candidates, tuple(example["options"]), answers, output, logprobs, record,
    )  # fmt: skip


def _asked(name: str, row: dict[str, Any]) -> Example:
    """The example with the prompt that a system reads as its target, and what goes with it."""
    asked = Example(
        row["source"], row["target"], tuple(row["candidates"]), row["answer"],
        row["id"], source_candidates=tuple(row["source_candidates"]),
    )  # fmt: skip
    if name == SOURCE:
        spelled, answer = asked.source_candidates, asked.answer
        if answer in asked.candidates and len(spelled) == len(asked.candidates):
            answer = spelled[asked.candidates.index(answer)]
        return Example(asked.source, asked.source, spelled or asked.candidates, answer, asked.id)
    joined = name in (SOURCE_THEN_TARGET, TARGET_THEN_SOURCE)
    return Baseline(name).example(asked, "") if joined else asked
