"""What ``--on`` means, and a backend that another package brings."""

import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import EXAMPLE, GOLDEN

from xtransplant import XTransplantError, load, transplant
from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend, Flags
from xtransplant.backends.registry import backends, open_backend, parse_on
from xtransplant.cli.app import run as xtp

PACKAGE = Path(__file__).with_name("logged.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cloud", "--on 'cloud' should be local, ndif"),
        ("local:x", "should be local"),
        ("ndif:", "should be local"),
        ("ndif:api.ndif.us", "should be a URL"),
        ("ndif:http://example.org", "plain http"),
    ],
)
def test_on_is_read_strictly(text, said):
    with pytest.raises(XTransplantError, match=said):
        parse_on(text)


def test_a_configured_host_is_looked_at_too(monkeypatch):
    from nnsight.schema.config import CONFIG

    monkeypatch.setattr(CONFIG.API, "HOST", "http://example.org")
    with pytest.raises(XTransplantError, match="plain http"):
        open_backend(parse_on("ndif"))
    assert open_backend(parse_on("ndif", insecure=True)).url == "http://example.org"


def test_on_is_read():
    assert parse_on("ndif:http://127.0.0.1:5000").address == "http://127.0.0.1:5000"
    assert parse_on("ndif:http://example.org", insecure=True).name == "ndif"
    assert parse_on("ray:10.0.0.1:6379").address == "10.0.0.1:6379"
    assert str(parse_on("local")) == "local"


def test_reading_on_imports_no_heavy_library():
    import subprocess

    code = (
        "import sys; from xtransplant.backends.registry import parse_on; "
        "parse_on('ndif:http://localhost:1'); parse_on('ray'); parse_on('dry'); "
        "sys.exit(len({'torch', 'nnsight', 'transformers', 'ray'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_flag_that_a_backend_does_not_read_is_refused():
    for name, kind in backends().items():
        for flag, value in (("insecure", True), ("jobs", 2), ("workers", 2)):
            if flag in kind.flags:
                parse_on(name, **{flag: value})
                continue
            with pytest.raises(XTransplantError, match=f"--{flag}.* does nothing with --on {name}"):
                parse_on(name, **{flag: value})


def test_defaults_are_those_of_this_process():
    left_out = {name for name in vars(Backend) if not name.startswith("_")} - {"name"}
    assert not left_out & set(vars(Local))
    backend = Local.at("", Flags())
    assert backend == Local()
    assert str(backend) == "local"
    assert backend.session(None, "model", ()) == {}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package of one file with one entry point, as pip would install it."""
    (tmp_path / "logged.py").write_text(PACKAGE.read_text())
    info = tmp_path / "logged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: logged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[xtransplant.backends]\nlogged = logged:Logged\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("logged", None)


def test_a_backend_of_another_package_is_one_file_and_runs_a_grid(installed):
    backend = parse_on("logged")
    assert str(backend) == "logged"
    there = load(GOLDEN / "llama", backend="logged")
    here = load(GOLDEN / "llama")
    options = {"generations": True, "max_new_tokens": 4}
    grids = [transplant(model, EXAMPLE, "attn-swap", **options) for model in (there, here)]
    assert np.abs(grids[0].scores.logprobs - grids[1].scores.logprobs).max() < 1e-5
    assert grids[0].generations.outputs == grids[1].generations.outputs
    assert sys.modules["logged"].sizes
    with pytest.raises(XTransplantError, match="'logs' should be local, logged"):
        load(GOLDEN / "llama", backend="logs")


def test_a_backend_of_another_package_is_taken_by_every_verb(installed, capsys):
    code = xtp(["trace", "-s", "none", "--on", "logged", "--source-layers", "0", "--json"])
    assert code == 0, capsys.readouterr().err
    assert xtp(["trace", "-s", "none", "--on", "log"]) == 2
    assert "logged" in capsys.readouterr().err
