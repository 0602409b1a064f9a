"""A run that is gone on with: damage is done again and named, and nothing is mixed."""

import json
import shutil
from dataclasses import replace

import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench import execute as module
from xtransplant.bench import new_manifest, opening
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.runs import open_run
from xtransplant.runs.check import find_damage

TINY = replace(SMALL, langs=("sw", "hi", "zh"), limit=2, pairs="last:first")


def tables(run):
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def remove(path):
    path.unlink()


@pytest.fixture(scope="module")
def whole(babel_model, tmp_path_factory):
    return bench(TINY, RunContext(tmp_path_factory.mktemp("whole")), model=babel_model)


@pytest.fixture
def run(whole, tmp_path):
    """The tiny run, in a folder of its own."""
    shutil.copytree(whole.path, tmp_path / whole.path.name)
    return open_run(tmp_path / whole.path.name)


@pytest.fixture
def again(run, babel_model, monkeypatch):
    """Run its command again: gives what it said, and the languages that the model was asked for."""

    def call(config=TINY, model=babel_model, **options):
        said, asked, compute = [], [], module.compute_records

        def counted(model, examples, *rest):
            asked.append(examples[0].target_lang)
            return compute(model, examples, *rest)

        monkeypatch.setattr(module, "compute_records", counted)
        bench(config, RunContext(run.path.parent, say=said.append, **options), model=model)
        return said, asked

    return call


@pytest.mark.parametrize("harm", [cut, flip, remove])
@pytest.mark.parametrize(
    ("kind", "asked", "done"),
    [
        ("records", ["hi"], "computed again"),
        ("correct", [], "judged again"),
        ("examples", [], "written again"),
    ],
)
def test_what_is_damaged_is_done_again_and_no_more(run, whole, again, kind, asked, done, harm):
    harm(run.part_path(kind, list(run.manifest.parts())[1]))
    said, found = again()
    assert found == asked
    (line,) = said
    assert f"{kind}/task=babel/lang=hi/part-00000.parquet" in line
    assert done in line
    assert tables(run.path) == tables(whole.path)
    assert not list(find_damage(run))
    assert again() == ([], [])


def test_lost_checksums_are_made_again(run, whole, again):
    run.sums_path(next(run.manifest.parts())).write_text("{")
    said, asked = again()
    assert asked == ["sw"]
    assert "checksums/task=babel/lang=sw" in said[0]
    assert tables(run.path) == tables(whole.path)


@pytest.mark.parametrize("kind", ["records", "correct", "examples"])
def test_without_samples_damage_is_mended_too(babel_model, tmp_path, kind):
    config = replace(TINY, log_samples=False)
    run = bench(config, RunContext(tmp_path), model=babel_model)
    before = tables(run.path)
    flip(run.part_path(kind, next(run.manifest.parts())))
    bench(config, RunContext(tmp_path), model=babel_model)
    assert tables(run.path) == before
    assert not list(find_damage(run))


def test_a_kill_between_two_tables_costs_no_more_than_that_step(run, whole, again):
    parts = list(run.manifest.parts())
    run.forget(parts[0], "correct")
    run.part_path("correct", parts[0]).unlink()
    run.forget(parts[1], "records", "correct")
    assert again()[1] == ["hi"]
    assert tables(run.path) == tables(whole.path)


def test_a_lost_manifest_is_written_anew_and_the_parts_are_kept(run, whole, again):
    path = run.path / "manifest.json"
    path.write_text(path.read_text()[:300])
    with pytest.raises(XTransplantError, match=r"keeps the 3 stored parts"):
        again()
    path.unlink()
    assert again() == ([], [])
    made = open_run(run.path).manifest
    assert made.state == "complete"
    assert replace(made, started="", finished="") == replace(
        whole.manifest, started="", finished=""
    )
    assert tables(run.path) == tables(whole.path)


def test_old_parts_are_not_adopted_under_a_new_model(run, whole, again, babel_model, monkeypatch):
    (run.path / "manifest.json").unlink()
    real = opening.model_entry
    for user in (opening, new_manifest):
        monkeypatch.setattr(
            user, "model_entry", lambda *given: {**real(*given), "fingerprint": "of another"}
        )
    with pytest.raises(XTransplantError, match=r"3 of its parts .*another model.*--fresh"):
        again()
    assert tables(run.path) == tables(whole.path)
    assert again(fresh=True)[1] == ["sw", "hi", "zh"]
    assert tables(run.path) == tables(whole.path)


def test_another_runs_manifest_is_refused(run, again):
    path = run.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "id": "0" * 64}))
    with pytest.raises(XTransplantError, match="is another run's"):
        again()


def other_software(monkeypatch, **changes):
    real = opening.versions
    for user in (opening, new_manifest):
        monkeypatch.setattr(user, "versions", lambda: {**real(), **changes})


def test_software_is_not_mixed_without_a_word(run, again, monkeypatch):
    first = run.manifest.versions
    other_software(monkeypatch, torch="1.0", pyarrow="1.0")
    # Nothing is left for the model: judging needs none of it.
    run.part_path("correct", next(run.manifest.parts())).unlink()
    assert again()[1] == []
    run.part_path("records", next(run.manifest.parts())).unlink()
    with pytest.raises(XTransplantError) as caught:
        again()
    assert f"torch {first['torch']} then, 1.0 now" in str(caught.value)
    assert "pyarrow" not in str(caught.value)
    assert "--accept-versions" in str(caught.value)
    assert "--fresh" in str(caught.value)
    assert again(accept_versions=True)[1] == ["sw"]
    manifest = open_run(run.path).manifest
    assert manifest.versions == first
    assert [one["torch"] for one in manifest.continued] == ["1.0"]
    assert run.sums(next(run.manifest.parts())).versions["torch"] == "1.0"
    # What was accepted once is not asked again.
    run.part_path("records", list(run.manifest.parts())[1]).unlink()
    assert again()[1] == ["hi"]
    assert len(open_run(run.path).manifest.continued) == 1


def test_a_lost_manifest_does_not_hide_other_software(run, again, monkeypatch):
    first = run.manifest.versions
    other_software(monkeypatch, transformers="1.0")
    (run.path / "manifest.json").unlink()
    run.part_path("records", next(run.manifest.parts())).unlink()
    with pytest.raises(XTransplantError, match="transformers"):
        again()
    again(accept_versions=True)
    manifest = open_run(run.path).manifest
    assert manifest.versions == first
    assert [one["transformers"] for one in manifest.continued] == ["1.0"]


def test_the_flag_is_the_way_out_that_the_error_names(run, monkeypatch, capsys):
    from xtransplant.cli.app import run as xtp

    other_software(monkeypatch, nnsight="1.0")
    command = [
        "bench", "--task", "babel", "-s", "attn-swap,ffn-swap", "--langs", "sw,hi,zh", "--limit",
        "2", "--pairs", "last:first", "-o", str(run.path.parent),
    ]  # fmt: skip
    run.part_path("records", next(run.manifest.parts())).unlink()
    assert xtp(command) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "nnsight" in line
    assert "--accept-versions" in line
    assert xtp([*command, "--accept-versions"]) == 0
    assert len(open_run(run.path).manifest.continued) == 1
