"""A run that is killed again and again ends as one that was not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xtransplant.runs import open_run, records

SCRIPT = Path(__file__).parent / "killed.py"
KILLS = 30


def tables(run):
    """Every stored table, byte for byte."""
    return {
        str(path.relative_to(run)): path.read_bytes() for path in sorted(run.rglob("*.parquet"))
    }


def work(folder, kills):
    """A bench in a process of its own, its children killed so many times."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(kills)],
        check=False, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    killed, partly, path = done.stdout.split()[-3:]
    print(f"{killed} killed at work, {partly} of them between the first part and the last")
    return int(killed), int(partly), Path(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
@pytest.mark.slow
def test_killed_at_random_many_times_the_records_are_the_same_bytes(tmp_path):
    _, _, whole = work(tmp_path / "whole", 0)
    killed, partly, broken = work(tmp_path / "broken", KILLS)
    # The kills have to hit: most children died of them, some between one part and the next.
    assert killed >= KILLS // 2
    assert partly >= KILLS // 5
    assert tables(broken) == tables(whole)
    assert len(tables(whole)) == 3 * len(list(open_run(whole).manifest.parts()))
    assert open_run(broken).manifest.state == "complete"
    assert not list(broken.rglob(".part-*")), "half-written files are cleared away"
    assert len(records(broken)) == 24 * 2 * (2 + 2)
