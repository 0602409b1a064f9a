"""What storing, judging and reporting cost, on a run of millions of records.

    python -m xtransplant.benchmarks.perf.records [--records 10000000] [--score] [--json]

The run is made up: 32 x 32 layers, three options, the texts a small model says. Storing and judging
is timed per record, the report in a process of its own, with its peak memory.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from xtransplant.bench.judge import judge
from xtransplant.bench.sizes import part_size
from xtransplant.prompts import Example, Key
from xtransplant.runs.columns import SOURCE, VANILLA, Mode, Values
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, TaskEntry
from xtransplant.runs.rows import Rows
from xtransplant.runs.store import Run, create_run

__all__ = ["make_run", "measure"]

_N_LAYERS = 32
_LANGS = ("ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
_OPTIONS = ("1", "2", "3")
_SAID = (" (1) Entailment", " (2)", "(3) because the premise says so, and the", " I think that", "")


def make_run(folder: Path, n_records: int, *, mode: Mode = "generate") -> tuple[Run, float]:
    """A run of about ``n_records`` records, and the seconds that storing and judging took."""
    pairs = list(product(range(_N_LAYERS), range(_N_LAYERS)))
    n = max(1, n_records // len(pairs) // len(_LANGS))
    examples = {lang: [_example(lang, k) for k in range(n)] for lang in _LANGS}
    entry = TaskEntry(
        version="1", licence="", direction="en-to-lang", split="pilot", mode=mode, rule="choice",
        part_size=part_size(mode, len(pairs)),
        languages={lang: Language(n, "", {}) for lang in _LANGS}, left_out={},
    )  # fmt: skip
    manifest = Manifest(
        id="made-up", schema=SCHEMA, config={"pairs": "overall"},
        model={"name": "made-up", "n_layers": _N_LAYERS},
        strategies={"ffn-swap": {"pairs": [list(pair) for pair in pairs]}},
        tasks={"xnli": entry}, versions={}, machine={}, started="2026-01-01T00:00:00Z",
    )  # fmt: skip
    run = create_run(folder, manifest)
    dice, seconds = random.Random(0), 0.0
    for part in manifest.parts():
        rows = _rows(part.start, part.stop, pairs, mode, dice)
        started = time.perf_counter()
        table = examples_table(examples[part.lang], part.start, part.stop)
        run.write("examples", part, table)
        records = rows.table()
        run.write("records", part, records)
        run.write("correct", part, judge(records, table, entry.rule))
        seconds += time.perf_counter() - started
    return run.finish(), seconds


def measure(n_records: int, mode: Mode) -> dict[str, Any]:
    """Seconds to store, judge and report; the report's peak memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        run, storing = make_run(Path(folder) / "run", n_records, mode=mode)
        count = sum(task.n for task in run.manifest.tasks["xnli"].languages.values())
        total = count * (_N_LAYERS**2 + 2)
        size = sum(path.stat().st_size for path in run.path.rglob("*.parquet"))
        command = [sys.executable, "-m", "xtransplant.benchmarks.perf.records", "--report"]
        said = subprocess.run(
            [*command, str(run.path)], check=True, capture_output=True, text=True
        ).stdout
    report = json.loads(said)
    return {
        "records": total, "mode": mode, "storing_seconds": storing,
        "storing_ms_per_grid": 1000 * storing / count, "bytes": size,
        "report_seconds": report["seconds"], "report_peak_bytes": report["peak"],
    }  # fmt: skip


def _example(lang: str, k: int) -> Example:
    key = Key((_OPTIONS[k % 3],), _OPTIONS, ("Entailment", "Neutral", "Contradiction"))
    candidates = tuple(f" ({mark})" for mark in _OPTIONS)
    text = f"Premise {k} in {lang}: " + "word " * 40
    return Example(text, text, candidates, candidates[k % 3], f"{lang}-{k}", "en", lang, key, key)


def _rows(
    start: int, stop: int, pairs: list[tuple[int, int]], mode: Mode, dice: random.Random
) -> Rows:
    rows = Rows(mode)
    for name, own in ((VANILLA, []), (SOURCE, []), ("ffn-swap", pairs)):
        for k in range(start, stop):
            count = len(own) or 1
            values: dict[str, Values] = {
                "finite": np.ones(count, dtype=np.bool_),
                "unchanged": np.zeros(count, dtype=np.bool_),
            }
            if mode == "score":
                made = np.random.default_rng(k).normal(-5, 2, (count, 3))
                values["logprobs"] = np.minimum(made, -0.01)
                values["top_token"] = [" ("] * count
            else:
                values["output"] = dice.choices(_SAID, k=count)
            rows.add(k, name, own, **values)
    return rows


def _report(path: Path) -> dict[str, float]:
    from xtransplant.report.document import write_report

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        formats = ["terminal", "markdown", "csv", "json", "latex"]
        write_report([path], formats=formats, figures=["png"], output=Path(folder))
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    """Read the command line, print what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--score", action="store_true", help="log-likelihoods instead of texts")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.report is not None:
        print(json.dumps(_report(arguments.report)))
        return
    found = measure(arguments.records, "score" if arguments.score else "generate")
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{found['records']:,} records, {found['bytes'] / 1e6:,.0f} MB on disk")
    print(f"storing and judging: {found['storing_ms_per_grid']:.1f} ms a grid of 1,024 pairs")
    print(
        f"every format and figure: {found['report_seconds']:.1f} s, "
        f"{found['report_peak_bytes'] / 1e9:.2f} GB at most"
    )


if __name__ == "__main__":
    main()
