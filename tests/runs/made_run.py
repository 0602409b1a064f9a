"""A run made up, so that what is stored can be tested without a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from xtransplant import Example
from xtransplant.bench.judge import judge
from xtransplant.prompts import Key
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, Part, TaskEntry
from xtransplant.runs.rows import Rows
from xtransplant.runs.store import Run, create_run

PAIRS = [(i, j) for i in range(2) for j in range(2)]
N = 6


def example(k: int, *, options: bool = True, groups: int = 0) -> Example:
    """The k-th example; one of so many groups."""
    key = Key((str(k % 3),), ("0", "1", "2") if options else ())
    group = f"g{k % groups}" if groups else ""
    return Example("source", "target", (), None, f"e{k}", "en", "xx", key, key, group=group)


def made_manifest(
    *, langs: Sequence[str] = ("sw", "zh"), task: str = "made", rule: str = "contains",
    mode: str = "generate", n: int = N, part_size: int = 4,
    own_pairs: Sequence[tuple[int, int]] | None = None, **changes: Any,
) -> Manifest:  # fmt: skip
    """A manifest; ``changes`` are its fields."""
    pairs = {} if own_pairs is None else {"swap": [list(pair) for pair in own_pairs]}
    entry = TaskEntry(
        "1", "MIT", "en-to-lang", "pilot", mode, rule, part_size,
        {lang: Language(n, "", pairs) for lang in langs}, {},
    )  # fmt: skip
    return Manifest(**{
        "id": "0123456789", "schema": SCHEMA, "config": {"pairs": "overall"},
        "model": {"name": "org/model", "n_layers": 2, "fingerprint": "f"},
        "strategies": {"swap": {"pairs": [] if own_pairs else [list(pair) for pair in PAIRS]}},
        "tasks": {task: entry}, "versions": {}, "machine": {}, "started": "2026-01-01T00:00:00Z",
        **changes,
    })  # fmt: skip


def tables_of(
    manifest: Manifest, part: Part, *, options: bool = True, groups: int = 0
) -> dict[str, pa.Table]:
    """What a part's three tables hold."""
    examples = examples_table(
        [example(k, options=options, groups=groups) for k in range(N)], part.start, part.stop
    )
    rows = Rows("generate")
    for name in (VANILLA, SOURCE, "swap"):
        own = [] if name != "swap" else manifest.pairs(name, part.task, part.lang)
        for k in range(part.start, part.stop):
            outputs = [f" ({(k + m) % 3})" for m in range(len(own) or 1)]
            state = {"finite": [True] * len(outputs), "unchanged": [False] * len(outputs)}
            rows.add(k, name, own, output=outputs, **state)
    records = rows.table()
    rule = manifest.tasks[part.task].rule
    return {"examples": examples, "records": records, "correct": judge(records, examples, rule)}


def made_run(folder: Path, *, options: bool = True, groups: int = 0, **changes: Any) -> Run:
    """The run on disk, complete."""
    manifest = made_manifest(**changes)
    run = create_run(folder, manifest)
    for part in manifest.parts():
        for kind, table in tables_of(manifest, part, options=options, groups=groups).items():
            run.write(kind, part, table)
    return run.finish()
