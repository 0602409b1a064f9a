"""A pool of real Ray actors: the same records as here, also when one of them is killed."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from xtransplant import XTransplantError
from xtransplant.runs import open_run

pytest.importorskip("ray", reason="a Ray pool needs ray (extra ray)")
BENCH = Path(__file__).parents[1] / "bench"

# In a process of its own, as a user has it: Ray's own threads and files end with it.
SCRIPT = """
    import json, os, signal, sys, threading, time
    from pathlib import Path

    sys.path.insert(0, sys.argv[3])
    from dataclasses import replace

    import psutil
    from small_bench import PARTS, SMALL
    from xtransplant.backends.ray import Ray
    from xtransplant.bench.context import RunContext
    from xtransplant.bench.run import bench

    folder, kill = Path(sys.argv[1]), sys.argv[2] == "kill"
    said, listening = [], set()

    def watch():
        while True:
            time.sleep(0.2)
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            for process in processes:
                try:
                    listening.update(
                        c.laddr.ip for c in process.net_connections("tcp") if c.status == "LISTEN"
                    )
                    worker = "".join(process.cmdline()[:1]).startswith("ray::Worker.work")
                except psutil.Error:
                    continue
                if kill and worker and not said_killed:
                    said_killed.append(process.pid)
                    os.kill(process.pid, signal.SIGKILL)

    said_killed = []
    threading.Thread(target=watch, daemon=True).start()
    config = replace(SMALL, **PARTS)
    run = bench(config, RunContext(folder, backend=Ray(workers=2), say=said.append))
    print(json.dumps({"path": str(run.path), "said": said, "killed": len(said_killed),
                      "listening": sorted(listening)}))
"""


def work(folder, kill):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder), "kill" if kill else "",
         str(BENCH)],
        check=False, capture_output=True, text=True, timeout=240,
        # A cluster that others have here is not ours to join.
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_ADDRESS": "127.0.0.1:1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    import json

    return json.loads(done.stdout.splitlines()[-1])


def tables(run):
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The same bench in one process."""
    sys.path.insert(0, str(BENCH))
    from dataclasses import replace

    from small_bench import PARTS, SMALL

    from xtransplant.bench.context import RunContext
    from xtransplant.bench.run import bench

    return bench(replace(SMALL, **PARTS), RunContext(tmp_path_factory.mktemp("here")))


@pytest.mark.slow
def test_two_actors_one_of_them_killed_store_the_same_and_listen_on_loopback_only(here, tmp_path):
    found = work(tmp_path, kill=True)
    assert "2 workers on this machine" in found["said"][0]
    assert found["killed"] == 1
    assert any("a worker died" in line for line in found["said"])
    run = open_run(found["path"])
    assert run.manifest.state == "complete"
    assert tables(run.path) == tables(here.path)
    assert found["listening"]
    assert set(found["listening"]) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_no_cluster_there_is_one_line(tmp_path):
    from small_bench import SMALL

    from xtransplant.backends.ray import Ray
    from xtransplant.bench.context import RunContext
    from xtransplant.bench.run import bench

    with pytest.raises(XTransplantError, match="no cluster answers there"):
        bench(SMALL, RunContext(tmp_path, backend=Ray("127.0.0.1:1")))
