"""Runs read back: as dataframes, and as arrays for those who count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run, open_run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Cells", "cells", "examples", "read_part", "records", "runs"]


def runs(folder: str | Path = "runs") -> pd.DataFrame:
    """One row per run in a folder: id, model, tasks, strategies, split, state, parts, started."""
    import pandas as pd

    found = []
    for manifest in sorted(Path(folder).glob("*/manifest.json")):
        run = open_run(manifest.parent)
        entries, total = run.manifest.tasks, len(list(run.manifest.parts()))
        missing = len(run.missing())
        found.append(
            {
                "run": manifest.parent.name,
                "model": run.manifest.model["name"],
                "tasks": ", ".join(entries),
                "split": ", ".join(dict.fromkeys(entry.split for entry in entries.values())),
                "strategies": ", ".join(run.manifest.strategies),
                "pairs": run.manifest.config.get("pairs", ""),
                "mode": ", ".join(dict.fromkeys(entry.mode for entry in entries.values())),
                "state": f"{total - missing} of {total} parts" if missing else "complete",
                "started": run.manifest.started,
                "path": str(manifest.parent),
            }
        )
    return pd.DataFrame(found)


def records(
    run: Run | str | Path,
    *,
    task: str | None = None,
    lang: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """A run's records with their judgements, one row per example and variant.

    Columns: ``task``, ``lang``, ``example``, ``strategy`` (``vanilla`` and ``source`` without a
    transplant), ``source_layer``, ``target_layer``, ``output`` or ``logprobs`` (nats, in the order
    of the example's candidates) and ``top_token``, ``strict``, ``match``, ``lenient``,
    ``other_strict`` and so on (bit r: right by the answer that the r-th derangement gives; null
    where no other example has another answer), ``margin`` (nats between the answer and the
    likeliest other candidate), ``finite`` (False: a number it was told by was NaN or infinite, and
    it is never right), ``unchanged`` (it says what the target says without a transplant).

    Args:
        columns: of these, to save memory; ``task`` and ``lang`` are always there.
    """
    import pandas as pd
    import pyarrow as pa

    tables, names = [], []
    for part in _chosen(run, task, lang):
        parts = [read_part(_run(run), kind, part) for kind in ("records", "correct")]
        table = parts[0]
        for name in parts[1].column_names:
            if name not in table.column_names:  # records say themselves what is finite
                table = table.append_column(name, parts[1][name])
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


def examples(
    run: Run | str | Path, *, task: str | None = None, lang: str | None = None
) -> pd.DataFrame:
    """A run's examples: ``task``, ``lang``, ``example``, ``id``, prompts, candidates, answers."""
    import pandas as pd

    frames = []
    for part in _chosen(run, task, lang):
        frame = read_part(_run(run), "examples", part).to_pandas()
        frame.insert(0, "task", part.task)
        frame.insert(1, "lang", part.lang)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


@dataclass(frozen=True)
class Cells:
    """Judgements of one strategy in one language.

    Attributes:
        examples: ``[rows]`` numbers of the examples.
        source_layers, target_layers: ``[rows]``; -1 without a transplant.
        right: ``[rows, 3]`` by level.
        other: ``[rows, 3]`` by others' answers, bit r by the r-th derangement's.
        known: ``[rows]`` whether there are such.
        finite, unchanged: ``[rows]``.
    """

    examples: np.ndarray[Any, np.dtype[np.int32]]
    source_layers: np.ndarray[Any, np.dtype[np.int16]]
    target_layers: np.ndarray[Any, np.dtype[np.int16]]
    right: np.ndarray[Any, np.dtype[np.bool_]]
    other: np.ndarray[Any, np.dtype[np.uint8]]
    known: np.ndarray[Any, np.dtype[np.bool_]]
    finite: np.ndarray[Any, np.dtype[np.bool_]]
    unchanged: np.ndarray[Any, np.dtype[np.bool_]]


def cells(run: Run, task: str, lang: str) -> Iterator[tuple[str, Cells]]:
    """Judgements by strategy, language by language so that memory holds one."""
    import pyarrow as pa

    from xtransplant.runs.tables import CORRECT

    own = [part for part in run.stored() if (part.task, part.lang) == (task, lang)]
    if not own:
        return
    columns = ["example", "strategy", "source_layer", "target_layer"]
    said = pa.concat_tables([read_part(run, "records", p, columns) for p in own])
    said = said.unify_dictionaries()
    others, state = [f"other_{level}" for level in CORRECT], ["finite", "unchanged"]
    kept = [*CORRECT, *others, *state]
    judged = pa.concat_tables([read_part(run, "correct", p, kept) for p in own])
    strategies = said["strategy"].combine_chunks()
    codes = strategies.indices.to_numpy()
    numbers = {
        name: said[name].combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
        for name in ("example", "source_layer", "target_layer")
    }
    right, other = (
        np.stack([judged[name].fill_null(fill).to_numpy() for name in names], axis=1)
        for names, fill in ((CORRECT, False), (others, 0))
    )
    known = judged[others[0]].is_valid().to_numpy()
    finite, unchanged = (judged[name].to_numpy() for name in state)
    for code, name in enumerate(strategies.dictionary.to_pylist()):
        rows = codes == code
        layers = numbers["source_layer"][rows], numbers["target_layer"][rows]
        yield (
            name,
            Cells(
                numbers["example"][rows], *layers, right[rows], other[rows], known[rows],
                finite[rows], unchanged[rows],
            ),
        )  # fmt: skip


def read_part(run: Run, kind: str, part: Part, columns: Sequence[str] | None = None) -> pa.Table:
    """One part's table.

    Raises:
        XTransplantError: a file that is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet

    path = run.part_path(kind, part)
    coded = ["strategy"] if kind == "records" else None
    try:
        # As a single file: below a folder "lang=sw" it would be taken for a partition.
        with pyarrow.parquet.ParquetFile(path, read_dictionary=coded) as file:
            return file.read(columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as error:
        why = " ".join(str(error).split())
        raise XTransplantError(
            f"cannot read {str(path)!r}: {why}; take the file away and run the same command again"
        ) from error


def _run(run: Run | str | Path) -> Run:
    return run if isinstance(run, Run) else open_run(run)


def _chosen(run: Run | str | Path, task: str | None, lang: str | None) -> list[Part]:
    return [
        part
        for part in _run(run).stored()
        if task in (None, part.task) and lang in (None, part.lang)
    ]
