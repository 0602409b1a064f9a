"""Bad folders of runs: a small run is made once, copied, and damaged."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bad_inputs.row import Row, row

from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.tasks.data import DataSource

LLAMA = Path(__file__).parents[2] / "golden" / "llama"
EXAMPLE = {"source": "hi", "target": "ho", "answer": "c", "candidates": ["c", "d"]}
BENCH = "bench -t babel -s attn-swap --langs sw --limit 2"


@cache
def small_run() -> Path:
    """A complete run of two examples."""
    folder = Path(tempfile.mkdtemp(prefix="bad-inputs-"))
    file = folder / "x.jsonl"
    file.write_text("".join(json.dumps(EXAMPLE | {"target": text}) + "\n" for text in ("ho", "he")))
    config = Config(("file",), ("none",), ModelSpec(str(LLAMA)), data=DataSource(file=file))
    return bench(config, RunContext(folder / "runs")).path


def damaged(id: str, command: str, damage: Callable[[Path], object], *words: str) -> Row:
    """A command on a copy, ``run``, of a complete run."""

    def make(folder: Path) -> None:
        shutil.copytree(small_run(), folder / "run")
        damage(folder / "run")

    return row(id, command, *words, make=make)


def manifest(text: str | bytes) -> Callable[[Path], object]:
    raw = text if isinstance(text, bytes) else text.encode()
    return lambda run: (run / "manifest.json").write_bytes(raw)


def cut(kind: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        for path in (run / kind).rglob("*.parquet"):
            path.write_bytes(path.read_bytes()[:40])

    return change


def a_folder_for_a_manifest(run: Path) -> None:
    (run / "manifest.json").unlink()
    (run / "manifest.json").mkdir()


def half(run: Path) -> None:
    path = run / "manifest.json"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def newer(run: Path) -> None:
    path = run / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))


def empty(run: Path) -> None:
    for kind in ("examples", "records", "correct", "checksums"):
        shutil.rmtree(run / kind, ignore_errors=True)


ROWS = [
    *(
        damaged(f"{id} manifest, xtp {verb}", f"{verb} run", damage, "manifest.json")
        for verb in ("report", "rescore")
        for id, damage in {
            "empty": manifest(""),
            "half": half,
            "UTF-16": manifest("{}".encode("utf-16")),
            "list": manifest("[]"),
        }.items()
    ),
    damaged("a newer manifest", "report run", newer, "'run'", "newer", "pip install -U"),
    damaged("no manifest", "rescore run", lambda run: (run / "manifest.json").unlink(), "'run'",
            "manifest.json"),
    damaged("a manifest that is a folder", "report run",
            a_folder_for_a_manifest,
            "manifest.json"),
    damaged("half a manifest, pairs", f"{BENCH} --pairs @run", half, "manifest.json"),
    damaged("no records, pairs", f"{BENCH} --pairs @run", empty, "run", "not complete"),
    damaged("no records, report", "report run", empty, "run", "bench"),
    damaged("cut judgements, report", "report run", cut("correct"), "correct", "again"),
    damaged("cut records, rescore", "rescore run", cut("records"), "records", "again"),
    damaged("a rule that is none", "rescore run --rule nope", lambda run: None, "'nope'", "begins"),
    damaged("a report onto a file", "report run --output run/manifest.json", lambda run: None,
            "run/manifest.json", "cannot write"),
    damaged("a report where nothing can be made", "report run --output /proc/x", lambda run: None,
            "/proc/x", "cannot write"),
]  # fmt: skip
