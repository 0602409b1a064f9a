"""A model that would answer badly in silence says so, in every verb that loads it."""

import json
import re
import shutil

import pytest
from tiny import tiny_checkpoint


@pytest.fixture
def forgetful(tmp_path):
    """A Llama whose tokenizer adds no <s>."""
    folder = shutil.copytree(tiny_checkpoint("llama"), tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return str(folder)


def trace(xtp, *arguments):
    return xtp("trace", "-s", "none", "--source", "One?", "--target", "Moja?", "--candidates", " 1",
               "--answer", " 1", "--source-layers", "0", "--target-layers", "0", "--json",
               *arguments)  # fmt: skip


def test_trace_says_once_that_the_beginning_is_missing_and_add_bos_mends_it(xtp, forgetful):
    plain = trace(xtp, "-m", forgetful)
    assert plain.code == 0
    assert plain.err.count("xtp: ") == 1
    assert f"xtp: {forgetful}: the tokenizer adds no <s>" in plain.err
    mended = trace(xtp, "-m", forgetful, "--add-bos")
    assert (mended.code, mended.err) == (0, "")
    whole = trace(xtp, "-m", tiny_checkpoint("llama"))
    cells = [json.loads(one.out)["cells"] for one in (plain, mended, whole)]
    assert cells[1] == cells[2]
    assert cells[0] != cells[2]
    idle = trace(xtp, "-m", tiny_checkpoint("llama"), "--add-bos")
    assert (idle.code, idle.out) == (2, "")
    assert "adds <s> itself; leave --add-bos off" in idle.err


def test_doctor_looks_at_a_model_here(xtp, forgetful):
    found = xtp("doctor", "--on", "local", "-m", forgetful)
    assert found.code == 1
    lines = found.out.splitlines()
    assert [line[:4] for line in lines] == ["ok  ", "FAIL", "ok  "]
    assert "llama, 4 layers, sites attn, ffn" in lines[0]
    assert "adds no <s>" in lines[1]
    assert re.search(r"against one variant at a time: largest difference \S+ nats", lines[2])
    found = xtp("doctor", "--on", "local", "-m", tiny_checkpoint("llama"))
    assert (found.code, found.err) == (0, "")
    assert "prompts begin with <s>, which the tokenizer adds" in found.out


def test_doctor_says_since_when_and_where_packing_is_remembered(xtp, tmp_path, monkeypatch):
    monkeypatch.setenv("XTRANSPLANT_CACHE", str(tmp_path / "cache"))
    doctor = ["doctor", "--on", "local", "-m", tiny_checkpoint("llama")]
    first, again = xtp(*doctor), xtp(*doctor)
    [file] = (tmp_path / "cache" / "packing").iterdir()
    assert first.out == again.out
    assert re.search(rf"; remembered since 20\d\d-.* UTC in {file}$", again.out.strip())
    file.write_text(file.read_text().replace('"since": "20', '"since": "19'))
    assert "remembered since 19" in xtp(*doctor).out
    assert "remembered since 20" in xtp(*doctor, "--verify").out
    file.write_text(file.read_text().replace('"since": "20', '"since": "19'))
    assert trace(xtp, "-m", tiny_checkpoint("llama"), "--verify").code == 0
    assert "remembered since 20" in xtp(*doctor).out
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XTRANSPLANT_CACHE", str(tmp_path / "file"))
    assert xtp(*doctor).out.strip().endswith("; not remembered: every process verifies it")


def test_doctor_takes_one_variant_per_row_for_slower_and_not_for_wrong(xtp):
    found = xtp("doctor", "--on", "local", "-m", tiny_checkpoint("bloom"))
    assert found.code == 0
    assert re.search(r"^ok .* here: one variant per batch row: \w+", found.out, re.MULTILINE)


def test_doctor_of_no_model_here(xtp):
    found = xtp("doctor", "--on", "local")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("xtp: --on local looks at a model: name it")
