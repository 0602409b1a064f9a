"""The wheel is whole: built, unpacked into an empty folder, and used from there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import xtransplant

ROOT = Path(xtransplant.__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("the tests run outside of a checkout")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(out)], check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "site")
    return out / "site"


def run(folder, code):
    """Python in an empty folder that sees the unpacked wheel before the checkout."""
    empty = folder.parent / "empty"
    empty.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=empty, env=environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip


def test_it_holds_what_it_should(unpacked):
    for name in (
        "xtransplant/py.typed",
        "xtransplant/interventions/attn_swap.py",
        "xtransplant/cli/trace.py",
        "xtransplant/benchmarks/babel/checkpoint/model.safetensors",
        "xtransplant/benchmarks/babel/MODEL_CARD.md",
        "xtransplant/benchmarks/babel/languages.toml",
        "xtransplant/benchmarks/words/xnli.toml",
        "xtransplant/benchmarks/capitals/names.toml",
        "xtransplant/benchmarks/capitals/LICENSE.unicode",
    ):
        assert (unpacked / name).is_file(), name
    assert not (unpacked / "tests").exists()


@pytest.mark.slow
def test_it_traces_from_an_empty_folder(unpacked):
    code = (
        "import sys, xtransplant, xtransplant.cli;"
        "print(xtransplant.__file__);"
        "sys.argv = ['xtp', 'trace', '--strategy', 'ffn-swap', '--json'];"
        "xtransplant.cli.main()"
    )
    done = run(unpacked, code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(unpacked))
    assert '"cells"' in done.stdout
