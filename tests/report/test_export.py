"""Runs in the formats of neighbouring tools: what is exported is what a report counts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run
from untrusted import acts

from xtransplant import Example
from xtransplant.bench.judge import judge
from xtransplant.errors import XTransplantError
from xtransplant.report.data import to_lm_eval
from xtransplant.report.document import read_summaries
from xtransplant.report.export.export import export_runs
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, TaskEntry
from xtransplant.runs.read import read_part, records
from xtransplant.runs.rows import Rows
from xtransplant.runs.store import create_run

LEVELS = {"acc": "match", "acc_strict": "strict", "acc_lenient": "lenient"}
CANDIDATES = (" yes", " no", "\u202e\x1b[31m{{x}}\u2028")
N = 7


def scored_run(folder, *, log_samples=True):
    """Scores with a baseline, one of whose candidates would act on a terminal."""
    entry = TaskEntry(
        "1", "MIT", "en-to-lang", "test", "score", "choice", 4, {"sw": Language(N, "", {})}, {},
        baselines={"source-then-target": {"sw": []}},
    )  # fmt: skip
    manifest = Manifest(
        id=folder.name, schema=SCHEMA, config={"pairs": "0:1", "log_samples": log_samples},
        model={"name": "org/model", "n_layers": 2, "fingerprint": "f"},
        strategies={"swap": {"pairs": [[0, 1]]}}, tasks={"made": entry}, versions={}, machine={},
        started="2026-01-01T00:00:00Z",
    )  # fmt: skip
    run, dice = create_run(folder, manifest), np.random.default_rng(0)
    for part in manifest.parts():
        rows = Rows("score")
        for name in (VANILLA, SOURCE, "source-then-target", "swap"):
            for k in range(part.start, part.stop):
                rows.add(
                    k, name, [(0, 1)] if name == "swap" else [],
                    logprobs=np.log(dice.dirichlet([1, 1, 1]))[None].astype(np.float32),
                    top_token=[" yes"], finite=[True], unchanged=[False],
                )  # fmt: skip
        made = [
            Example(f"so {k}?", f"si {k}?", CANDIDATES, CANDIDATES[k % 3], id=f"e{k}")
            for k in range(N)
        ]
        table, found = examples_table(made, part.start, part.stop), rows.table()
        judged = judge(found, table, "choice")
        if not log_samples:
            table = table.select(["example", "id", "digest"])
            found = found.select(["example", "strategy", "source_layer", "target_layer"])
        for kind, one in (("examples", table), ("records", found), ("correct", judged)):
            run.write(kind, part, one)
    return run.finish()


@pytest.fixture(params=["generate", "score"])
def run(request, tmp_path):
    if request.param == "score":
        return scored_run(tmp_path / "run")
    return make_run(tmp_path / "run", nulls={"ffn-swap": "other"})


def reported(run):
    """The report's own numbers of what can be anyone's answers, by key and level."""
    document = json.loads(to_lm_eval(read_summaries([run.path])))
    ((name, rows),) = document["rows"].items()
    keys = [key for key, row in rows.items() if row["kind"] not in ("bound", "cross-fit")]
    return name, {
        key: {
            lang: document["results"][f"{name}_{lang}" if lang else name]
            for lang in ("", *next(iter(run.manifest.tasks.values())).languages)
        }
        for key in keys
    }


def test_an_export_for_lm_eval_has_the_numbers_and_counts_of_the_report(run, tmp_path):
    done = export_runs([run.path], "lm-eval", tmp_path / "out")
    name, rows = reported(run)
    folders = {json.loads(path.read_text())["model_name"].partition(",")[2]: path.parent
               for path in done.written if path.name.startswith("results_")}  # fmt: skip
    assert set(folders) == set(rows)
    for key, by_lang in rows.items():
        (results,) = folders[key].glob("results_*.json")
        document = json.loads(results.read_text())
        assert document["groups"][name] == document["results"][name]
        for lang, own in by_lang.items():
            task = f"{name}_{lang}" if lang else name
            found = document["results"][task]
            # The best pair is the one of match, whatever is right at other levels.
            for metric in ("acc",) if key.endswith(",best") else LEVELS:
                assert found[f"{metric},none"] == own[f"{metric},{key}"]
                assert found[f"{metric}_stderr,none"] == own[f"{metric}_stderr,{key}"]
            if lang:
                (samples,) = folders[key].glob(f"samples_{task}_2026*.jsonl")
                lines = [json.loads(line) for line in samples.read_text("utf-8").splitlines()]
                assert len(lines) == own[f"n,{key}"] == document["n-samples"][task]["effective"]
                for metric in LEVELS:
                    share = sum(line[metric] for line in lines) / len(lines)
                    assert found[f"{metric},none"] == pytest.approx(share, abs=1e-12)


def logs_of(done):
    logs = [json.loads(path.read_text("utf-8")) for path in done.written]
    return {log["eval"]["task_args"]["row"]: log for log in logs}


def test_an_export_for_inspect_has_the_numbers_and_counts_of_the_report(run, tmp_path):
    logs = logs_of(export_runs([run.path], "inspect", tmp_path / "out"))
    _, rows = reported(run)
    assert set(logs) == set(rows)
    for key, by_lang in rows.items():
        log = logs[key]
        (score,) = [one for one in log["results"]["scores"] if one["name"] == "match"]
        assert score["metrics"]["accuracy"]["value"] == by_lang[""][f"acc,{key}"]
        assert score["metrics"]["stderr"]["value"] == by_lang[""][f"acc_stderr,{key}"]
        assert len(log["samples"]) == by_lang[""][f"n,{key}"] == score["scored_samples"]
        assert len({one["id"] for one in log["samples"]}) == len(log["samples"])
        for lang, own in by_lang.items():
            right = [one["scores"]["match"]["value"] == "C" for one in log["samples"]
                     if not lang or one["metadata"]["lang"] == lang]  # fmt: skip
            assert np.mean(right) == pytest.approx(own[f"acc,{key}"], abs=1e-12)
    cells = {key: log["eval"]["solver_args"].get("layer_pairs") for key, log in logs.items()}
    assert all(bool(cells[key]) == ("swap" in key) for key in cells)


def test_nulls_bounds_and_oracles_are_said_beside_it(tmp_path):
    run = make_run(tmp_path / "run", nulls={"ffn-swap": "other"})
    done = export_runs([run.path], "inspect", tmp_path / "out")
    logs = logs_of(done)
    best = logs["ffn-swap,best"]["eval"]
    assert "oracle" in best["tags"]
    assert "oracle" not in logs["vanilla"]["eval"]["tags"]
    about = best["metadata"]["xtransplant"]
    assert about["oracle"]
    assert about["picked_from_cells"] == 16
    assert about["numbers"]["acc_null_other"] is not None
    bound = about["other_rows"]["ffn-swap,bound"]
    assert bound["oracle"]
    assert bound["acc_null"] is not None
    assert any("ffn-swap,bound" in note for note in done.notes)


def test_texts_survive_and_none_of_them_acts(tmp_path):
    said = "\u202ea\x1b]8;;http://x\x07\u2028\n</script>{{ }}"
    run = make_run(tmp_path / "run")
    for part in run.manifest.parts():
        table = read_part(run, "records", part)
        at = table.column_names.index("output")
        run.write("records", part, table.set_column(at, "output", [[said] * len(table)]))
    for to in ("lm-eval", "inspect"):
        done = export_runs([run.path], to, tmp_path / to)
        assert done.written
        for path in done.written:
            text = path.read_text("utf-8")
            assert not acts(text), path
            if to == "inspect":
                samples = json.loads(text)["samples"]
                assert {one["output"]["completion"] for one in samples} == {said}
            elif path.suffix == ".jsonl":
                lines = [json.loads(line) for line in text.splitlines()]
                assert {line["resps"][0][0] for line in lines} == {said}


def test_of_scores_the_choice_is_the_candidate_that_the_record_says(tmp_path):
    run = scored_run(tmp_path / "run")
    logs = logs_of(export_runs([run.path], "inspect", tmp_path / "out"))
    stored = records(run.path)
    for key, name in (("vanilla", VANILLA), ("source-then-target",) * 2, ("swap,0→1", "swap")):
        own = stored[stored.strategy == name].sort_values("example")
        for one, sample in zip(own.itertuples(), logs[key]["samples"], strict=True):
            assert sample["output"]["completion"] == CANDIDATES[int(np.argmax(one.logprobs))]
            assert sample["metadata"]["logprobs"] == pytest.approx(list(one.logprobs))
            assert (sample["scores"]["match"]["value"] == "C") == one.match
            both = f"so {one.example}?\nsi {one.example}?"
            assert sample["input"] == (both if "then" in key else f"si {one.example}?")


@pytest.mark.parametrize("to", ["lm-eval", "inspect"])
def test_a_run_without_samples_gives_its_numbers_and_says_so(to, tmp_path):
    run = scored_run(tmp_path / "run", log_samples=False)
    done = export_runs([run.path], to, tmp_path / "out")
    assert "--no-log-samples" in done.notes[0]
    for path in done.written:
        document = json.loads(path.read_text())
        assert "samples" not in document
        assert not path.name.startswith("samples_")
        assert document["results"]


def test_a_run_is_exported_again_into_the_same_files(tmp_path):
    run = make_run(tmp_path / "run")
    done = [export_runs([run.path], "inspect", tmp_path / "out") for _ in range(2)]
    assert done[0].written == done[1].written
    assert sorted(done[0].written) == sorted((tmp_path / "out").rglob("*.json"))


def test_no_name_leads_out_of_the_folder(tmp_path):
    run = make_run(tmp_path / "run", model="../../m", strategies=("ffn-swap",))
    for to in ("lm-eval", "inspect"):
        done = export_runs([run.path], to, tmp_path / "out")
        assert {(tmp_path / "out") in path.resolve().parents for path in done.written} == {True}
    run.revise(lambda manifest: replace(manifest, started="../../now"))
    with pytest.raises(XTransplantError, match="which is no time"):
        export_runs([run.path], "inspect", tmp_path / "out")


def test_inspect_itself_reads_a_log(run, tmp_path):
    log = pytest.importorskip("inspect_ai.log")
    done = export_runs([run.path], "inspect", tmp_path / "out")
    listed = log.list_eval_logs(str(tmp_path / "out"))
    assert len(listed) == len(done.written) == len({one.task_id for one in listed})
    for path in done.written:
        header, read = log.read_eval_log(str(path), header_only=True), log.read_eval_log(str(path))
        assert header.samples is None
        assert header.results == read.results
        assert read.status == "success"
        right = [one.scores["match"].value == "C" for one in read.samples]
        (score,) = [one for one in read.results.scores if one.name == "match"]
        assert np.mean(right) == pytest.approx(score.metrics["accuracy"].value, abs=1e-12)


def test_lm_eval_itself_reads_a_folder(run, tmp_path):
    utils = pytest.importorskip("lm_eval.utils")
    pytest.importorskip("pytablewriter")
    done = export_runs([run.path], "lm-eval", tmp_path / "out")
    for folder in {path.parent for path in done.written}:
        names = [str(path) for path in folder.iterdir()]
        latest = utils.get_latest_filename(utils.get_results_filenames(names))
        results = json.loads(Path(latest).read_text())
        tasks = {utils.get_file_task_name(path.name) for path in folder.glob("samples_*")}
        assert tasks == set(results["configs"])
        table = utils.make_table(results)
        assert all(name in table for name in results["results"])
