"""A bench on a real model that is killed and resumed stores what one stores that was not."""

import os
import signal
import subprocess
import sys
import time

import pytest

MAIN = "from xtransplant.cli import main; main()"
TIMEOUT = 600


def command(real, folder):
    return [
        sys.executable, "-c", MAIN, "bench", "--task", "capitals",
        "--model", str(real.path), "--strategy", "attn-swap,ffn-swap", "--langs", "sw,zh,de",
        "--pairs", "diagonal", "--limit", "2", "--output-path", str(folder),
    ]  # fmt: skip


def stored(folder):
    """Every stored table, byte for byte."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


def parts(folder):
    return [str(path.relative_to(folder)) for path in folder.glob("*/records/**/*.parquet")]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_and_resumed_the_records_are_the_same_bytes(real, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    environment = {**os.environ, "XTRANSPLANT_CACHE": str(tmp_path / "cache")}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    subprocess.run(command(real, whole), check=True, timeout=TIMEOUT, **quiet)
    child = subprocess.Popen(command(real, broken), **quiet)
    deadline = time.monotonic() + TIMEOUT
    while child.poll() is None and not parts(broken) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    assert child.wait() == -signal.SIGKILL, "killed before it was done"
    kept = {path: (broken / path).stat().st_mtime_ns for path in parts(broken)}
    assert 0 < len(kept) < len(parts(whole)) == 3
    subprocess.run(command(real, broken), check=True, timeout=TIMEOUT, **quiet)
    assert stored(broken) == stored(whole)
    assert all((broken / path).stat().st_mtime_ns == then for path, then in kept.items()), (
        "what was stored is not run again"
    )
