"""What is published is whole: an sdist of all that git tracks, and a wheel built from that."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import xtransplant

ROOT = Path(xtransplant.__file__).resolve().parent.parent
# Of use in a clone alone.
NOT_PUBLISHED = (".git", ".dockerignore", ".pre-commit-config.yaml", "Dockerfile", "recipe/")
MADE = ("PKG-INFO", "setup.cfg", "xtransplant.egg-info/")


@pytest.fixture(scope="module")
def tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("the tests run outside of a checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name in found.stdout.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def published(tracked, tmp_path_factory):
    """A folder with the sdist and the wheel that is built from it; the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("copy")
    for name in tracked:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    out = tmp_path_factory.mktemp("published")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Package would be ignored" not in done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def unpacked(published, tmp_path_factory):
    (wheel,) = published.glob("*.whl")
    site = tmp_path_factory.mktemp("wheel") / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


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
    tops = {path.name for path in unpacked.iterdir()}
    assert tops == {"xtransplant", f"xtransplant-{xtransplant.__version__}.dist-info"}
    (info,) = unpacked.glob("*.dist-info")
    licences = info / "licenses"
    assert (licences / "LICENSE").is_file()
    assert (licences / "benchmarks" / "capitals" / "LICENSE.unicode").is_file()


def test_the_sdist_is_what_git_tracks(published, tracked):
    (sdist,) = published.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    assert {name for name in files if not name.startswith(MADE)} == {
        name for name in tracked if not name.startswith(NOT_PUBLISHED)
    }


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
