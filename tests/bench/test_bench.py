"""What a bench stores, and when it works again."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import raw_cases
from small_bench import PARTS, SMALL
from tiny import GOLDEN

from xtransplant import XTransplantError, load, transplant
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.rescore import rescore
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.report.summary import summarise
from xtransplant.runs import examples, open_run, records, runs
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task


def tables(run):
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


def test_records_hold_what_a_grid_says(small, babel_model):
    run = small(langs=("sw",), limit=3)
    found = records(run)
    assert len(found) == 3 * (2 + 2 * 64)
    example = load_examples(find_task("babel"), "sw").examples[1]
    grid = transplant(babel_model, example, "ffn-swap")
    own = found[(found.example == 1) & (found.strategy == "ffn-swap")]
    assert list(zip(own.source_layer, own.target_layer, strict=True)) == list(grid.pairs)
    stored = np.stack(own.logprobs.to_list())
    assert np.abs(stored - grid.scores.logprobs).max() < 1e-4
    assert (own.match.to_numpy().reshape(8, 8) == grid.correct()).all()
    vanilla = found[(found.example == 1) & (found.strategy == "vanilla")]
    assert np.abs(vanilla.logprobs.iloc[0] - grid.scores.vanilla).max() < 1e-4
    assert vanilla.source_layer.isna().all()
    texts = examples(run)
    assert texts.target.iloc[1] == example.target
    assert tuple(texts.candidates.iloc[1]) == example.candidates


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_raw_strategy_is_stored_as_its_recorded_twin(small, mode):
    raw = f"{raw_cases.__file__}:raw-attn"
    run = small(
        strategies=("attn-swap", raw), langs=("sw",), limit=2, mode=mode, max_new_tokens=2,
        pairs="last:first",
    )  # fmt: skip
    found = records(run).set_index("strategy")
    assert set(found.index) == {"vanilla", "source", "attn-swap", "raw-attn"}
    twins = [found.loc[name] for name in ("attn-swap", "raw-attn")]
    if mode == "generate":
        assert list(twins[0].output) == list(twins[1].output)
    else:
        stored = [np.stack(one.logprobs.to_list()) for one in twins]
        assert np.abs(stored[0] - stored[1]).max() < 1e-4
    assert list(twins[0].match) == list(twins[1].match)


def test_generations_are_those_of_a_grid(small, babel_model):
    run = small(langs=("hi",), limit=2, mode="generate", max_new_tokens=3)
    found = records(run)
    example = load_examples(find_task("babel"), "hi").examples[1]
    grid = transplant(
        babel_model, example, "attn-swap", scores=False, generations=True, max_new_tokens=3
    )
    own = found[(found.example == 1) & (found.strategy == "attn-swap")]
    assert tuple(own.output) == grid.generations.outputs
    one = found[found.example == 1].set_index("strategy")
    assert one.output["vanilla"] == grid.generations.vanilla
    assert one.output["source"] == grid.generations.source


def test_the_same_command_does_nothing_more(small):
    first, worked = small(), []
    again = small(watch=worked.append)
    assert again.path == first.path
    assert worked == []


def test_fresh_begins_anew_and_keeps_the_old(small):
    first = small()
    second = small(fresh=True)
    assert second.path != first.path
    assert tables(first.path) == tables(second.path)


def test_a_changed_strategy_file_is_a_new_run(small, tmp_path):
    file = tmp_path / "mine.py"
    text = (
        "from xtransplant import strategy\n\n\n"
        '@strategy("mine")\ndef mine(source, target, i, j):\n    target.{}[j] = source.{}[i]\n'
    )
    file.write_text(text.format("ffn", "ffn"))
    first = small(strategies=(str(file),), limit=2, langs=("sw",))
    file.write_text(text.format("attn", "attn"))
    second = small(strategies=(str(file),), limit=2, langs=("sw",))
    assert first.path != second.path
    assert not records(first).equals(records(second))


def test_parts_left_out_are_done_again_and_come_out_the_same(small, babel_model):
    run = small(**PARTS)
    before = tables(run.path)
    parts = list(run.manifest.parts())
    assert len(parts) > 2
    run.part_path("correct", parts[0]).unlink()
    (run.part_path("records", parts[1])).unlink()
    assert len(open_run(run.path).missing()) == 2
    small(**PARTS)
    assert tables(run.path) == before


def test_what_was_stored_is_judged_without_the_model(small, monkeypatch):
    run = small()
    before = tables(run.path)
    for part in run.manifest.parts():
        run.part_path("correct", part).unlink()
    import xtransplant.bench.execute as module

    monkeypatch.setattr(module, "compute_records", None)  # whoever asks the model fails
    small()
    assert tables(run.path) == before


def test_without_samples_only_judgements_are_kept(small, tmp_path):
    with_texts = small(tmp_path / "a", limit=4)
    without = small(tmp_path / "b", limit=4, log_samples=False)
    kept = records(without)
    assert "logprobs" not in kept.columns
    columns = ["strict", "match", "lenient", "other_match"]
    assert kept[columns].equals(records(with_texts)[columns])
    assert "Mji" not in json.dumps(examples(without).to_dict(), default=str)
    # What the items were can be told all the same.
    assert examples(without).digest.tolist() == examples(with_texts).digest.tolist()
    with pytest.raises(XTransplantError, match="log-samples"):
        rescore(without.path)


def test_rescoring_judges_again(small):
    run = small(mode="generate", limit=4, max_new_tokens=3)
    before = tables(run.path)
    assert rescore(run.path).changed == {"strict": 0, "match": 0, "lenient": 0}
    assert tables(run.path) == before
    done = rescore(run.path, rule="contains")
    assert done.records == len(records(run))
    with pytest.raises(XTransplantError, match="unknown rule"):
        rescore(run.path, rule="nonsense")


def test_runs_are_listed(small, tmp_path):
    small(limit=2)
    small(limit=3)
    found = runs(tmp_path)
    assert len(found) == 2
    assert set(found.state) == {"complete"}
    assert isinstance(found, pd.DataFrame)


def test_another_model_does_not_go_on(babel_model, tmp_path):
    config = replace(SMALL, limit=4, model=ModelSpec(str(CHECKPOINT)))
    run = bench(config, RunContext(tmp_path), model=babel_model)
    for part in run.manifest.parts():
        run.part_path("records", part).unlink()
    with pytest.raises(XTransplantError, match="is not the model that run"):
        bench(config, RunContext(tmp_path), model=load(GOLDEN / "llama"))


def test_a_model_that_is_given_is_the_one_that_a_run_is_of(small):
    other = small(limit=2, model=load(GOLDEN / "llama"))
    assert other.manifest.id != small(limit=2).manifest.id
    assert other.manifest.model["name"] == str(GOLDEN / "llama")


def test_a_model_changed_after_the_run_is_not_passed_off_as_its_own(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(CHECKPOINT, folder)
    config = replace(SMALL, limit=2, langs=("sw",), model=ModelSpec(str(folder)))
    bench(config, RunContext(tmp_path / "runs"))
    bench(config, RunContext(tmp_path / "runs"))
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(XTransplantError, match="another model than run"):
        bench(config, RunContext(tmp_path / "runs"))


def test_a_newer_run_is_refused(small):
    run = small(limit=2)
    path = run.path / "manifest.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "schema": 99}))
    with pytest.raises(XTransplantError, match="newer xtransplant"):
        small(limit=2)


def test_a_full_disk_loses_nothing(small, monkeypatch):
    import errno

    import pyarrow.parquet

    written, real = [], pyarrow.parquet.write_table

    def full(table, where, **options):
        if len(written) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(where)
        real(table, where, **options)

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    with pytest.raises(XTransplantError, match=r"No space left.*what was stored before is whole"):
        small(**PARTS)
    monkeypatch.undo()
    worked = []
    run = small(**PARTS, watch=worked.append)
    assert 0 < len(worked) < len(list(run.manifest.parts()))
    assert not run.missing()


def test_a_folder_that_cannot_be_written(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(XTransplantError, match="cannot write"):
        small(tmp_path / "file" / "runs")


def test_a_damaged_part_is_named(small):
    run = small(limit=2)
    part = next(run.manifest.parts())
    run.part_path("records", part).write_bytes(b"PAR1 half a file")
    with pytest.raises(XTransplantError, match="part-00000"):
        records(run)


def test_examples_longer_than_the_context_are_left_out_and_said(tmp_path, babel_model):
    short = load_examples(find_task("babel"), "sw").examples[:3]
    rows = [
        {"source": one.source * (60 if k == 1 else 1), "target": one.target, "answer": one.answer,
         "id": f"e{k}"}
        for k, one in enumerate(short)
    ]  # fmt: skip
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = Config(
        tasks=("file",), strategies=("ffn-swap",), data=DataSource(file=file), mode="generate",
        pairs="7:0", model=ModelSpec(str(CHECKPOINT)), max_new_tokens=2,
    )  # fmt: skip
    run = bench(config, RunContext(tmp_path / "runs"), model=babel_model)
    assert run.manifest.tasks["file"].too_long == {"xx": ["e1"]}
    assert examples(run).id.tolist() == ["e0", "e2"]
    assert summarise(run).tasks["file"].languages["xx"].vanilla["match"].n == 2
    assert bench(config, RunContext(tmp_path / "runs"), model=babel_model).path == run.path
    file.write_text(json.dumps(rows[1]) + "\n")
    with pytest.raises(XTransplantError, match="every example is longer than the 256 tokens"):
        bench(config, RunContext(tmp_path / "runs"), model=babel_model)
