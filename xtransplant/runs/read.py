"""Reading runs back: as dataframes, and as arrays to count."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.runs.check import damage_error, find_part_damage
from xtransplant.runs.judgements import chosen_options, parsed_texts, set_codes
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run, open_run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "Cells",
    "cells",
    "examples",
    "item_digests",
    "part_records",
    "read_part",
    "records",
    "stored_parts",
]


def records(
    run: Run | str | Path,
    *,
    task: str | None = None,
    lang: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """A run's records with their judgements, one row per example and variant.

    Columns: ``task``, ``lang``, ``example``, ``strategy`` (``vanilla`` and ``source`` without a
    transplant), ``source_layer``, ``target_layer``; ``output``, or ``logprobs`` (nats, in the order
    of the example's candidates) and ``top_token``; ``finite`` (False: a number behind the row was
    NaN or infinite, and it is never right), ``unchanged`` (it is what the target gives without a
    transplant); ``written_norms``, ``replaced_norms`` and ``cosines`` (lists, a value per write:
    see ``engine.outcome.Writes``); ``bounds`` (per candidate, whether what ``logprobs`` has is an
    upper bound; null where none is); ``strict``, ``match``, ``lenient``, ``other_strict`` and so on
    (bit r: right by the answer that the r-th derangement gives; null where no other example has
    another answer), ``margin`` (nats between the answer and the likeliest other candidate),
    ``parsed`` (a text is an answer at all), ``chosen`` (the number of the option or candidate).
    All are declared in ``runs.columns``; one that the run was begun without is null.

    Args:
        run: an opened run.
        task: a task.
        lang: a language's code; all languages by default.
        columns: of these, to save memory; ``task`` and ``lang`` are always there.

    Raises:
        XTransplantError: no run there, a damaged part, or a column that records have not.
    """
    import pandas as pd
    import pyarrow as pa

    found = _run(run)
    tables, names = [], []
    for part in stored_parts(found, task, lang):
        table = part_records(found, part)
        if columns is not None:
            unknown = [name for name in columns if name not in table.column_names]
            if unknown:
                raise XTransplantError(
                    f"records have no column {unknown[0]!r}; they have "
                    f"{', '.join(table.column_names)}"
                )
            table = table.select(list(columns))
        tables.append(table)
        names.append((part.task, part.lang, len(table)))
    if not tables:
        return pd.DataFrame()
    frame: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    for place, name in enumerate(("task", "lang")):
        labels = [n[place] for n in names]
        frame.insert(place, name, np.repeat(labels, [n[2] for n in names]))
    return frame


def part_records(run: Run, part: Part) -> pa.Table:
    """A part's records, their judgements beside them, and nulls for columns that it lacks.

    Raises:
        XTransplantError: a damaged part.
    """
    import pyarrow as pa

    from xtransplant.runs.columns import columns_of

    table, judged = (read_part(run, kind, part) for kind in ("records", "correct"))
    _check_rows(run, part, table, judged)
    for name in judged.column_names:
        if name not in table.column_names:  # both hold what is finite and unchanged
            table = table.append_column(name, judged[name])
    declared = columns_of(run.manifest.tasks[part.task].mode)
    if run.manifest.config.get("log_samples", True):
        for name, type in declared.items():
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(len(table), type))
    order = dict.fromkeys([*declared, *table.column_names])
    return table.select([name for name in order if name in table.column_names])


def examples(
    run: Run | str | Path, *, task: str | None = None, lang: str | None = None
) -> pd.DataFrame:
    """A run's examples: ``task``, ``lang``, ``example``, ``id``, prompts, candidates, answers.

    Raises:
        XTransplantError: no run there, or a damaged part.
    """
    import pandas as pd

    found = _run(run)
    frames = []
    for part in stored_parts(found, task, lang):
        frame = read_part(found, "examples", part).to_pandas()
        frame.insert(0, "task", part.task)
        frame.insert(1, "lang", part.lang)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def item_digests(run: Run, task: str | None = None, lang: str | None = None) -> frozenset[str]:
    """Digests of the examples that are stored; see :func:`xtransplant.prompts.item_digest`.

    Raises:
        XTransplantError: a damaged part.
    """
    own = (part for part in run.stored() if task in (None, part.task) and lang in (None, part.lang))
    columns = (read_part(run, "examples", part, ["digest"])["digest"] for part in own)
    return frozenset(digest for column in columns for digest in column.to_pylist())


@dataclass(frozen=True)
class Cells:
    """Judgements of one strategy in one language.

    Attributes:
        examples: ``[rows]`` numbers of the examples.
        source_layers, target_layers: ``[rows]``; -1 without a transplant.
        right: ``[rows, 3]``, whether a row is right, by level.
        other: ``[rows, 3]``, likewise by the answers of other examples: bit r of a mask is by the
            answer that the r-th derangement gives.
        known: ``[rows]``, whether every derangement gives an answer that the example can have.
        finite, unchanged: ``[rows]``, as in the records.
        answered: ``[rows]``, whether anything says what is right after the row's prompt.
        sets: int8 ``[rows, 3]``, by level the set that the row's example is in, an index of
            ``tasks.sets.SETS``; -1 where it is not known, -2 where the run was begun without.
        parsed: ``[rows]``, whether a text is an answer at all; None where that is not known.
        chosen: int16 ``[rows]``, the number of the option or candidate chosen; -1 where none, -2
            where there is nothing to choose from, or where that is not known.
    """

    examples: np.ndarray[Any, np.dtype[np.int32]]
    source_layers: np.ndarray[Any, np.dtype[np.int16]]
    target_layers: np.ndarray[Any, np.dtype[np.int16]]
    right: np.ndarray[Any, np.dtype[np.bool_]]
    other: np.ndarray[Any, np.dtype[np.uint8]]
    known: np.ndarray[Any, np.dtype[np.bool_]]
    finite: np.ndarray[Any, np.dtype[np.bool_]]
    unchanged: np.ndarray[Any, np.dtype[np.bool_]]
    answered: np.ndarray[Any, np.dtype[np.bool_]]
    sets: np.ndarray[Any, np.dtype[np.int8]]
    parsed: np.ndarray[Any, np.dtype[np.bool_]] | None
    chosen: np.ndarray[Any, np.dtype[np.int16]]


def cells(run: Run, task: str, lang: str) -> Iterator[tuple[str, Cells]]:
    """Judgements by strategy, language by language so that memory holds one.

    Raises:
        XTransplantError: a damaged part.
    """
    import pyarrow as pa

    from xtransplant.runs.columns import CELL, CORRECT

    own = stored_parts(run, task, lang)
    if not own:
        return
    others, state = [f"other_{level}" for level in CORRECT], ["finite", "unchanged"]
    sets = [f"set_{level}" for level in CORRECT]
    kept = [*CORRECT, *others, *state, *sets, "parsed", "chosen"]
    both = [(read_part(run, "records", p, CELL), read_part(run, "correct", p, kept)) for p in own]
    for part, tables in zip(own, both, strict=True):
        _check_rows(run, part, *tables)
    measured = pa.concat_tables([one for one, _ in both]).unify_dictionaries()
    judged = pa.concat_tables([one for _, one in both], promote_options="default")
    strategies = measured["strategy"].combine_chunks()
    codes = strategies.indices.to_numpy()
    numbers = {
        name: measured[name].combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
        for name in ("example", "source_layer", "target_layer")
    }
    right, other = (
        np.stack([judged[name].fill_null(fill).to_numpy() for name in names], axis=1)
        for names, fill in ((CORRECT, False), (others, 0))
    )
    known = judged[others[0]].is_valid().to_numpy()
    finite, unchanged = (judged[name].to_numpy() for name in state)
    answered = judged[CORRECT[0]].is_valid().to_numpy()
    parsed, chosen = parsed_texts(judged), chosen_options(judged)
    sets_at = np.stack([set_codes(judged, name) for name in sets], axis=1)
    for code, name in enumerate(strategies.dictionary.to_pylist()):
        rows = codes == code
        layers = numbers["source_layer"][rows], numbers["target_layer"][rows]
        yield (
            name,
            Cells(
                numbers["example"][rows], *layers, right[rows], other[rows], known[rows],
                finite[rows], unchanged[rows], answered[rows], sets_at[rows],
                None if parsed is None else parsed[rows], chosen[rows],
            ),
        )  # fmt: skip


def read_part(run: Run, kind: str, part: Part, columns: Sequence[str] | None = None) -> pa.Table:
    """One part's table, if it is what was stored.

    Raises:
        XTransplantError: a file that is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet

    path = run.part_path(kind, part)
    coded = ["strategy"] if kind == "records" else None
    sums = run.sums(part)
    try:
        data = path.read_bytes()
        if sums is None or hashlib.sha256(data).hexdigest() != sums.sha256.get(kind):
            raise _damaged(run, path, "it is not what was stored")
        with pyarrow.parquet.ParquetFile(pa.BufferReader(data), read_dictionary=coded) as file:
            return file.read(columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as error:
        raise _damaged(run, path, " ".join(str(error).split())) from error


def _damaged(run: Run, path: Path, why: str) -> XTransplantError:
    return XTransplantError(
        f"run {run.path.name} is damaged: {path.relative_to(run.path)}: {why}; run its xtp bench "
        "command again, which does it anew and keeps the rest"
    )


def _check_rows(run: Run, part: Part, measured: pa.Table, judged: pa.Table) -> None:
    if len(measured) != len(judged):
        why = f"it has {len(judged)} rows for {len(measured)} records"
        raise _damaged(run, run.part_path("correct", part), why)


def _run(run: Run | str | Path) -> Run:
    return run.now() if isinstance(run, Run) else open_run(run)


def stored_parts(run: Run, task: str | None, lang: str | None) -> list[Part]:
    """Parts of a task and a language, of all where it is None, that are stored.

    Raises:
        XTransplantError: a damaged one; it is not passed over.
    """
    chosen = []
    for part in run.manifest.parts():
        if task not in (None, part.task) or lang not in (None, part.lang):
            continue
        if run.is_complete(part):
            chosen.append(part)
            continue
        found = [one for one in find_part_damage(run, part, by_size=True) if not one.gone]
        if found:
            raise damage_error(run, found)
    return chosen
