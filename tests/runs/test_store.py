"""How a run is written: modes, file systems without hard links, locks, who was quicker."""

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from made_run import made_manifest, made_run, tables_of

from xtransplant import XTransplantError
from xtransplant.runs import locks, open_run, records
from xtransplant.runs.claims import claim
from xtransplant.runs.store import create_run


def test_no_hard_link_is_needed(tmp_path, monkeypatch):
    def refused(*arguments, **options):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert not made_run(tmp_path / "run").missing()


def test_of_many_who_begin_a_run_one_writes_its_manifest(tmp_path):
    def begin(k):
        return create_run(tmp_path / "run", replace(made_manifest(), started=str(k)))

    with ThreadPoolExecutor(8) as pool:
        assert len({run.manifest.started for run in pool.map(begin, range(24))}) == 1


def test_of_several_who_finish_a_run_none_takes_the_others_manifest_away(tmp_path):
    run = create_run(tmp_path / "run", made_manifest())
    for part in run.manifest.parts():
        for kind, table in tables_of(run.manifest, part).items():
            run.write(kind, part, table)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(12):
            # As each finds it that has just stored the last part.
            (run.path / "manifest.json").write_text(run.manifest.to_json(), encoding="utf-8")
            ended = list(pool.map(lambda _: open_run(run.path).finish(), range(8)))
            assert {one.manifest.state for one in ended} == {"complete"}
    assert not list(run.path.glob(".manifest-*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_mode_that_the_umask_leaves_and_the_umask_is_not_touched(
    tmp_path, monkeypatch, mask, mode
):
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", None)  # whoever calls it changes it for all threads
            run = made_run(tmp_path / "run")
    finally:
        os.umask(before)
    files = [path for path in run.path.rglob("*") if path.suffix in (".json", ".parquet")]
    assert len(files) == 4 * 4 + 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {mode}


TWO = """
import sys; from pathlib import Path
from xtransplant.runs import locks, open_run
from xtransplant.runs.claims import claim
if sys.argv[2] == "files": locks._fcntl = None
run = open_run(sys.argv[1])
with claim(run, list(run.manifest.parts())) as claims:
    held = [claims.hold(part) for part in run.manifest.parts()]
    print(*map(int, held), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["bytes", "files"])
def test_a_part_is_held_by_one_process_and_freed_by_its_death(tmp_path, monkeypatch, kind):
    if kind == "files":
        monkeypatch.setattr(locks, "_fcntl", None)
    run = create_run(tmp_path / "run", made_manifest())
    parts = list(run.manifest.parts())
    with claim(run, parts) as claims:
        assert claims.hold(parts[1])
        other = subprocess.Popen(
            [sys.executable, "-c", TWO, str(run.path), kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert other.stdout.readline().split() == ["1", "0", "1", "1"]
        assert not claims.hold(parts[0])
        claims.free(parts[1])
        other.kill()
        other.wait()
        assert all(map(claims.hold, parts))


def test_without_fcntl_a_run_is_made_alike_and_leaves_no_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_fcntl", None)
    run = create_run(tmp_path / "run", made_manifest())
    with claim(run, list(run.manifest.parts())) as claims:
        for part in claims:
            for kind, table in tables_of(run.manifest, part).items():
                run.write(kind, part, table)
            claims.free(part)
    assert run.finish().manifest.state == "complete"
    assert not (run.path / locks.LOCKS).exists()


def test_a_file_system_without_locks_is_said_instead_of_waited_for(tmp_path, monkeypatch):
    run = create_run(tmp_path / "run", made_manifest())

    class NoLocks:
        LOCK_EX = LOCK_NB = LOCK_UN = 0

        def lockf(self, *arguments):
            raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_fcntl", NoLocks())
    with (
        claim(run, list(run.manifest.parts())) as claims,
        pytest.raises(XTransplantError, match="no locks"),
    ):
        next(iter(claims))


def test_a_table_without_its_checksum_is_missing(run):
    parts = list(run.manifest.parts())
    run.sums_path(parts[0]).unlink()
    run.forget(parts[1], "correct")
    assert open_run(run.path).missing() == parts[:2]
    assert run.has("records", parts[1])
    assert run.part_path("correct", parts[1]).exists()


def test_what_was_judged_by_another_rule_is_missing(run):
    other = run.revise(lambda m: replace(m, tasks={"made": m.tasks["made"].judged_by("choice")}))
    assert len(other.missing()) == 4
    assert len(records(other)) == 0
    entry = other.manifest.tasks["made"]
    assert (entry.rule, entry.task_rule) == ("choice", "contains")
    assert entry.judged_by("contains") == run.manifest.tasks["made"]
