"""``--on`` of every verb, as a user types it."""

import json

import numpy as np
import pytest
from alike import assert_alike, tables
from loopback import KEY, Real
from travel_cases import BAD, recorded

from xtransplant.backends.turn import Turn
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.cli.app import run as xtp
from xtransplant.runs import open_run, records


@pytest.fixture
def call(capsys):
    def one(*arguments):
        code = xtp(arguments)
        captured = capsys.readouterr()
        assert KEY not in captured.out + captured.err
        return code, captured.out, captured.err

    return one


def test_trace_on_a_server_is_the_trace_here(call, ndif):
    there = call("trace", "-s", "attn-swap", "--on", f"ndif:{ndif.url}", "--json")
    here = call("trace", "-s", "attn-swap", "--json")
    assert there[0] == here[0] == 0, there
    cells = [json.loads(one[1])["cells"] for one in (there, here)]
    for a, b in zip(*cells, strict=True):
        assert max(abs(a["logprobs"][c] - b["logprobs"][c]) for c in a["logprobs"]) < 1e-4


@pytest.mark.slow
def test_a_bench_of_a_hundred_examples_survives_a_tenth_of_faults(
    call, ndif, tmp_path, monkeypatch
):
    pause = Turn.sleep
    monkeypatch.setattr(Turn, "sleep", lambda self, seconds: pause(self, min(seconds, 0.02)))
    monkeypatch.setattr("xtransplant.backends.ndif.waiting._UNKNOWN", 0.5)
    # One job an example and strategy: a hundred jobs, one in ten of each kind of fault.
    common = ["bench", "--task", "babel", "-s", "ffn-swap", "--limit", "20", "--mode", "generate",
              "--pairs", "last:first", "--max-new-tokens", "2", "-o"]  # fmt: skip
    server = ["--on", f"ndif:{ndif.url}"]
    before = ndif.log["jobs"]
    ndif.arm("mixed", 0.02)
    code, _, err = call(*common, str(tmp_path / "rough"), *server)
    assert code == 0, err
    # 120 jobs by themselves: each example's variants, and each source prompt once.
    assert ndif.log["jobs"] > before + 120, "no fault made a job be sent again"
    ndif.arm("none", 0)
    assert call(*common, str(tmp_path / "here"))[0] == 0
    rough, here = (open_run(next((tmp_path / name).iterdir())) for name in ("rough", "here"))
    assert_alike(tables(rough.path), tables(here.path))
    assert rough.manifest.model["server"] == ndif.url
    assert KEY not in (rough.path / "manifest.json").read_text()


def test_scores_of_a_bench_are_those_here(call, ndif, tmp_path):
    common = ["bench", "--task", "babel", "-s", "attn-swap", "-l", "sw", "--limit", "6", "-o"]
    assert call(*common, str(tmp_path / "there"), "--on", f"ndif:{ndif.url}")[0] == 0
    assert call(*common, str(tmp_path / "here"))[0] == 0
    there, here = (
        np.stack(records(next((tmp_path / name).iterdir())).logprobs) for name in ("there", "here")
    )
    assert np.abs(there - here).max() < 1e-4


def test_dry_counts_and_looks_and_loads_no_weights(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Without its weights the model is still counted, so they were not asked for.
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((CHECKPOINT / name).read_bytes())
    code, out, err = call("trace", "-s", "attn-swap", "-m", str(tmp_path), "--on", "dry")
    assert code == 0, err
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    found = {name: value.strip() for name, value in lines.items()}
    assert found["variants"] == "64"
    assert found["would travel"] == "yes"
    assert float(found["one job sends"].split()[0]) < 100
    recorded(tmp_path, *BAD["decorated helper"][:2])
    code, out, err = call("bench", "-t", "babel", "-s", str(tmp_path / "mine.py"), "-l", "sw",
                          "--limit", "2", "-m", str(tmp_path), "--on", "dry")  # fmt: skip
    assert code == 0, err
    assert f"would not travel  {tmp_path / 'mine.py'}:10: what decorates h" in out
    assert not (tmp_path / "runs").exists()


def test_doctor_says_what_is_right_and_wrong(call, ndif, monkeypatch):
    code, out, _ = call("doctor", "--on", f"ndif:{ndif.url}", "-m", str(CHECKPOINT))
    assert "ok    a key is set, and the server takes it" in out
    assert f"ok    {ndif.url} answers" in out
    assert "ok    torch" in out
    assert "against one variant at a time: largest difference" in out
    code, out, _ = call("doctor", "--on", "ndif:http://127.0.0.1:9")
    assert code == 1
    assert "FAIL  http://127.0.0.1:9 cannot be reached" in out


@pytest.mark.parametrize(
    ("key", "fault", "verdict"),
    [
        ("a-wrong-key", "none", "FAIL  the key that is set is refused (401: Invalid API key)"),
        ("a-wrong-key", "400", "FAIL  the key that is set is refused (400: Invalid API key format"),
        ("a-wrong-key", "403", "FAIL  the key that is set is refused (403: Invalid API key.)"),
        ("a-wrong-key", "503", "FAIL  whether the server takes your key is not known"),
        ("a-wrong-key", "braces", "FAIL  whether the server takes your key is not known"),
        ("", "none", "FAIL  no key is set, and one is wanted (401: Invalid API key)"),
        ("", "open", "ok    no key is set, and the server wants none"),
    ],
)
def test_doctor_tries_the_key_without_a_job(call, ndif, monkeypatch, key, fault, verdict):
    from nnsight.schema.config import CONFIG

    monkeypatch.setattr(CONFIG.API, "APIKEY", key)
    ndif.arm(fault, 1, "/request" if fault == "braces" else None)
    ndif.reset()
    code, out, err = call("doctor", "--on", f"ndif:{ndif.url}", "-m", str(CHECKPOINT))
    assert verdict in out
    assert (code, err) == (1, "") or verdict.startswith("ok")
    assert "a-wrong-key" not in out + err
    # Nothing was run to find out; where the key is wrong, no more is tried with it.
    assert ndif.log["jobs"] == 0
    assert "nats of one variant" not in out


def test_models_lists_what_is_deployed(call, ndif):
    call("trace", "-s", "none", "--on", f"ndif:{ndif.url}", "--source-layers", "0")
    code, out, _ = call("models", "--on", f"ndif:{ndif.url}")
    assert code == 0
    assert f"{CHECKPOINT}  main  running" in out
    if not isinstance(ndif, Real):
        assert "org/cold" in out
        assert "cold" in out.split("org/cold")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trace", "-s", "none", "--on", "ray"], "--on ray runs whole benches"),
        (["bench", "-t", "babel", "-s", "none", "--on", "cloud"], "--on 'cloud' should be"),
        (["bench", "-t", "babel", "-s", "none", "--on", "ray", "--shard", "1/2"], "leave one out"),
        (["bench", "-t", "babel", "-s", "none", "--on", "ndif:http://a.org"], "--insecure"),
        (["models", "--on", "local"], "is no server to ask"),
    ],
)
def test_what_cannot_be_is_one_line(call, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
