"""Several processes that share the work of one run."""

import os
import subprocess
import sys

import pytest
from small_bench import PARTS
from tiny import GOLDEN

from xtransplant.runs import open_run
from xtransplant.runs.read import read_part


def tables(run):
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


def test_shards_lie_in_one_folder(small, tmp_path):
    whole = small(tmp_path / "whole", **PARTS)
    for k in (1, 2, 3):
        run = small(tmp_path / "parts", **PARTS, shard=(k, 3))
        assert bool(run.missing()) == (k < 3)
    assert run.manifest.state == "complete"
    assert tables(run.path) == tables(whole.path)


@pytest.mark.slow
def test_two_processes_share_the_work(small, tmp_path, babel_model):
    # Locks are a process's, so the other one is a process.
    whole = small(tmp_path / "whole", **PARTS)
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from dataclasses import replace; from small_bench import SMALL, PARTS;"
        "from xtransplant.bench.context import RunContext; from xtransplant.bench.run import bench;"
        "worked = []; context = RunContext(Path(sys.argv[1]), watch=worked.append);"
        "bench(replace(SMALL, **PARTS), context); print(len(worked))"
    )
    other = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "two"), str(GOLDEN.parent / "bench")],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]  # fmt: skip
    counts = [int(process.communicate()[0].split()[-1]) for process in other]
    assert [process.returncode for process in other] == [0, 0]
    run = open_run(next((tmp_path / "two").iterdir()))
    assert sum(counts) == len(list(run.manifest.parts()))
    assert tables(run.path) == tables(whole.path)


def test_a_held_part_is_left_to_its_holder(small, tmp_path):
    from xtransplant.runs.claims import claim

    run = small(**PARTS)
    parts = list(run.manifest.parts())
    judged = {part: read_part(run, "correct", part) for part in parts}
    for part in parts:
        run.part_path("correct", part).unlink()
    seen = []
    with claim(run, parts) as claims:
        for part in claims:
            seen.append(part)
            run.write("correct", part, judged[part])
            claims.free(part)
    assert seen == parts
    with claim(run, parts) as claims:
        assert list(claims) == []
