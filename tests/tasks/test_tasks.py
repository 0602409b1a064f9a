"""Every task from small clones of the hub's datasets, and from folders in the paper's layout."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xtransplant import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples, pick_example
from xtransplant.tasks.matching import RULES
from xtransplant.tasks.task import find_task, task_names


def clone(root, repo, config, split, rows):
    """A clone of one configuration of a hub dataset: Parquet files and the card that names them."""
    folder = root / repo
    (folder / config).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / config / f"{split}-00000.parquet")
    configs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    lines = ["---", "configs:"]
    for name in configs:
        lines += [f"- config_name: {name}", "  data_files:"]
        for path in sorted((folder / name).glob("*.parquet")):
            lines += [f"  - split: {path.name.split('-')[0]}", f"    path: {name}/{path.name}"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def xnli_rows(lang, n=8):
    return [
        {"premise": f"{lang} premise {k} " + "w " * k, "hypothesis": f"{lang} {k}", "label": k % 3}
        for k in range(n)
    ]


def squad_rows(lang, n=60):
    return [
        {"id": f"q{k}", "context": f"{lang} context {k}", "question": f"{lang} {k}?",
         "answers": {"text": [f"{lang} answer {k}"], "answer_start": [0]}}
        for k in range(n)
    ]  # fmt: skip


def copa_rows(lang, n=60):
    return [
        {"premise": f"{lang} {k}", "choice1": "x", "choice2": "y", "label": k % 2, "idx": k,
         "question": "cause" if k % 3 else "effect", "changed": False}
        for k in range(n)
    ]  # fmt: skip


def mkqa_rows(n=60):
    short = [{"type": 0, "entity": "Q1", "text": "Nairobi", "aliases": ["Nairobi City"]}]
    return [
        {"example_id": f"m{k}", "queries": {"en": f"who {k}", "ar": f"من {k}"}, "query": f"who {k}",
         "answers": {
             "en": short if k % 4 else [{"type": 2, "entity": "", "text": None, "aliases": []}],
             "ar": [{"type": 0, "entity": "Q1", "text": "نيروبي", "aliases": []}]}}
        for k in range(n)
    ]  # fmt: skip


@pytest.fixture
def hub(tmp_path):
    """Clones of all six datasets, tiny, with the schema of the real ones."""
    for lang in ("en", "de"):
        for split in ("validation", "test"):
            clone(tmp_path, "facebook/xnli", lang, split, xnli_rows(lang))
        clone(tmp_path, "google/xquad", f"xquad.{lang}", "validation", squad_rows(lang))
    for config in ("sw", "translation-sw", "qu"):
        clone(tmp_path, "cambridgeltl/xcopa", config, "test", copa_rows(config))
    clone(tmp_path, "apple/mkqa", "mkqa", "train", mkqa_rows())
    opinions = [
        {"question": f"Is {k} enough?", "options": "['Yes', 'No', 'Unsure']", "source": "GAS",
         "selections": "defaultdict(<class 'list'>, {'Kenya': [0.2, 0.7, 0.1], 'France': "
                       "[0.6, 0.3, 0.1], 'Tanzania': [0.5, 0.5]})"}
        for k in range(60)
    ]  # fmt: skip
    clone(tmp_path, "Anthropic/llm_global_opinions", "default", "train", opinions)
    culture = [
        {"data_idx": str(k), "question_idx": str(k // 4), "prompt_question": f"What {k}?",
         "prompt_option": "Rice", "answer": k % 4 == 0, "country": "Japan" if k % 2 else "Kenya"}
        for k in range(240)
    ]  # fmt: skip
    clone(tmp_path, "kellycyy/CulturalBench", "CulturalBench-Hard", "test", culture)
    return DataSource(data_dir=tmp_path)


def test_all_tasks_of_the_paper_are_there():
    assert set(task_names()) == {
        "babel", "xnli", "xquad", "xcopa", "mkqa", "global-opinion-qa", "culturalbench", "file",
    }  # fmt: skip


@pytest.mark.parametrize("name", task_names())
def test_a_task_says_what_it_is(name):
    task = find_task(name)
    assert task.rule in RULES
    assert task.licence
    assert task.version
    assert task.summary.endswith(".") or "docs/bench.md" in task.summary
    assert "en" not in task.languages


@pytest.mark.parametrize(
    ("name", "lang", "n_pilot", "n_unseen"),
    [("xnli", "de", 8, 8), ("xquad", "de", 50, 10), ("xcopa", "sw", 50, 10), ("mkqa", "ar", 45, 0),
     ("global-opinion-qa", "sw", 50, 10), ("culturalbench", "ja", 50, 70)],
)  # fmt: skip
def test_the_hubs_schema_is_read(hub, name, lang, n_pilot, n_unseen):
    task = find_task(name)
    pilot = load_examples(task, lang, split="pilot", data=hub).examples
    assert len(pilot) == n_pilot
    if n_unseen:
        unseen = load_examples(task, lang, split="unseen", data=hub).examples
        assert len(unseen) == n_unseen
        assert not {one.target for one in pilot} & {one.target for one in unseen} or name == "xnli"
    one = pilot[0]
    forward = task.direction == "en-to-lang"
    assert (one.source_lang, one.target_lang) == (("en", lang) if forward else (lang, "en"))
    back = load_examples(
        task, lang, "lang-to-en" if forward else "en-to-lang", "pilot", hub
    ).examples[0]
    assert (back.source, back.target) == (one.target, one.source)
    assert len(one.source_candidates) == len(one.candidates)
    assert (back.source_candidates, back.candidates) == (one.candidates, one.source_candidates)
    if task.scored:
        assert one.answer in one.candidates
        # What the model would say in full is right by the task's own rule.
        assert RULES[task.rule](one.answer, one.key).strict
    else:
        assert RULES[task.rule](one.key.answers[0], one.key).strict


def test_the_sources_candidates_do_not_depend_on_the_targets_language(tmp_path):
    from xtransplant.tasks.parallel import Parallel, Side, choice_key, directed

    key = choice_key("1", ("1", "2"))
    english = Side("It is:", key, ("(1)", "(2)"))
    others = {
        "de": Side("Es ist:", key, ("(1)", "(2)")),
        "zh": Side("答案是：", key, ("(1)", "(2)")),
        "ja": Side("答え\n", key, ("正", "誤")),
    }
    ahead = {k: directed(Parallel("a", english, other), k, "en-to-lang")
             for k, other in others.items()}  # fmt: skip
    assert {one.source_candidates for one in ahead.values()} == {(" (1)", " (2)")}
    assert [one.candidates[0] for one in ahead.values()] == [" (1)", "(1)", "正"]
    for lang, one in ahead.items():
        back = directed(Parallel("a", english, others[lang]), lang, "lang-to-en")
        assert (back.candidates, back.source_candidates) == (one.source_candidates, one.candidates)


def test_the_pilot_sample_is_the_seeds(hub):
    task = find_task("xquad")
    first, again, other = (
        load_examples(task, "de", split="pilot", data=DataSource(hub.data_dir, seed=seed)).examples
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_another_schema_is_said(tmp_path):
    for lang in ("en", "de"):
        rows = [{"sentence1": "a", "sentence2": "b", "label": 0}]
        clone(tmp_path, "facebook/xnli", lang, "test", rows)
    with pytest.raises(XTransplantError, match="another schema: no column premise, hypothesis"):
        load_examples(find_task("xnli"), "de", split="unseen", data=DataSource(tmp_path))


def test_a_label_out_of_range_is_said(tmp_path):
    for lang in ("en", "de"):
        rows = [{"premise": "a", "hypothesis": "b", "label": -1}]
        clone(tmp_path, "facebook/xnli", lang, "test", rows)
    with pytest.raises(XTransplantError, match="label -1"):
        load_examples(find_task("xnli"), "de", split="unseen", data=DataSource(tmp_path))


def test_without_a_network_a_copy_is_asked_for():
    with pytest.raises(XTransplantError, match="--data-dir"):
        load_examples(find_task("xnli"), "de")


def test_an_empty_folder_names_the_command(tmp_path):
    with pytest.raises(XTransplantError, match="huggingface-cli download facebook/xnli"):
        load_examples(find_task("xnli"), "de", data=DataSource(tmp_path))


def lay_out(root, files):
    """Files of one value per line."""
    for path, rows in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def xnli_folder(root, n=30, **changes):
    files = {}
    for lang in ("en", "sw"):
        files[f"split/{lang}.json"] = [f"{lang} " + "w" * (3 * k + 5) for k in range(n)]
        files[f"ans/{lang}.json"] = [str(1 + k % 3) for k in range(n)]
        files[f"ans_lang/{lang}.json"] = [{"1": "Yes", "2": "Maybe", "3": "No"}]
    lay_out(root / "XNLI" / "XNLI_sample", {**files, **changes})
    return DataSource(root)


@pytest.mark.parametrize("inner", [False, True])
def test_the_papers_layout_is_read(tmp_path, inner):
    data = xnli_folder(tmp_path)
    data = DataSource(tmp_path / "XNLI") if inner else data
    task = find_task("xnli")
    assert list(task.languages_in(data)) == ["sw"]
    found = load_examples(task, "sw", data=data).examples
    assert len(found) == 30
    assert found[1].key.answers == ("2",)
    assert found[1].key.labels == ("Yes", "Maybe", "No")
    assert found[1].candidates == (" (1)", " (2)", " (3)")


def test_half_a_json_line_is_named(tmp_path):
    data = xnli_folder(tmp_path)
    path = tmp_path / "XNLI" / "XNLI_sample" / "split" / "sw.json"
    path.write_text(path.read_text() + '"half a li')
    with pytest.raises(XTransplantError, match=r"sw\.json line 31 is no JSON"):
        load_examples(find_task("xnli"), "sw", data=data)


def test_files_of_different_length_are_said(tmp_path):
    data = xnli_folder(tmp_path, **{"ans/sw.json": ["1"]})
    with pytest.raises(XTransplantError, match=r"ans/sw\.json has 1"):
        load_examples(find_task("xnli"), "sw", data=data)


def test_a_gold_outside_the_options_is_said(tmp_path):
    data = xnli_folder(tmp_path, **{"ans/sw.json": ["4"] * 30})
    with pytest.raises(XTransplantError, match=r"line 1: '4' is not 1, 2 or 3"):
        load_examples(find_task("xnli"), "sw", data=data)


def test_a_missing_language_offers_those_there_are(tmp_path):
    with pytest.raises(XTransplantError, match=r"no language 'sv'.*it has sw"):
        load_examples(find_task("xnli"), "sv", data=xnli_folder(tmp_path))


def test_mkqa_and_culturalbench_read_folders_too(tmp_path):
    lay_out(
        tmp_path / "MKQA" / "MKQA_sample",
        {"split/en.json": ["who?"], "split/ar.json": ["من؟"], "ans/en.json": [["a", "b"]],
         "ans/ar.json": ["ب"]},
    )  # fmt: skip
    (one,) = load_examples(find_task("mkqa"), "ar", data=DataSource(tmp_path)).examples
    assert (one.key.answers, one.key.also) == (("ب",), ("a", "b"))
    lay_out(
        tmp_path / "CulturalBench" / "CulturalBench_sample",
        {"split/ja.json": [{"input_text": "Is it?", "label": True, "country": "Japan"}],
         "translated/ja.json": ["そうですか"]},
    )  # fmt: skip
    (one,) = load_examples(find_task("culturalbench"), "ja", data=DataSource(tmp_path)).examples
    assert (one.source, one.target, one.answer) == ("そうですか", "Is it?", " True")


ROWS = [
    {"id": "a", "lang": "sw", "source": "one?", "target": "moja?", "answer": " 1",
     "candidates": [" 1", " 2"]},
    {"id": "b", "lang": "hi", "source": "two?", "target": "दो?", "answer": " 2",
     "candidates": [" 1", " 2"]},
]  # fmt: skip


def write_rows(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        import csv

        with path.open("w", newline="") as text:
            writer = csv.DictWriter(text, list(rows[0]))
            writer.writeheader()
            for row in rows:
                writer.writerow({**row, "candidates": json.dumps(row["candidates"])})
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_files_of_the_users_own(tmp_path, suffix):
    data = DataSource(file=write_rows(tmp_path / f"mine{suffix}", ROWS))
    task = find_task("file")
    assert task.languages_in(data) == {"sw": "Swahili", "hi": "Hindi"}
    (one,) = load_examples(task, "hi", data=data).examples
    assert (one.source, one.target, one.answer) == ("two?", "दो?", " 2")
    assert (one.candidates, one.id, one.target_lang) == ((" 1", " 2"), "b", "hi")


def test_columns_may_have_other_names(tmp_path):
    rows = [{"q_en": "one?", "q_sw": "moja?", "gold": "1"}]
    columns = (("source", "q_en"), ("target", "q_sw"), ("answer", "gold"))
    data = DataSource(file=write_rows(tmp_path / "mine.jsonl", rows), columns=columns)
    assert load_examples(find_task("file"), "xx", data=data).examples[0].target == "moja?"


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        (ROWS, (("answer", "gld"),), r"no column 'gld'; it has answer, candidates"),
        (ROWS, (("golden", "answer"),), r"'golden' is none of source, target"),
        ([{**ROWS[0], "answer": " 3"}], (), r"row 1: answer ' 3' is none of its candidates ' 1'"),
        ([{**ROWS[0], "answer": None}], (), r"row 1 has no answer"),
        ([{**ROWS[0], "candidates": [" 1", " 1"]}], (), "twice"),
    ],
)
def test_bad_files_are_one_line(tmp_path, rows, columns, said):
    data = DataSource(file=write_rows(tmp_path / "mine.jsonl", rows), columns=columns)
    with pytest.raises(XTransplantError, match=said) as error:
        load_examples(find_task("file"), "sw", data=data)
    assert "\n" not in str(error.value)


def test_an_example_that_is_misaligned_is_not_picked(tmp_path):
    data = xnli_folder(tmp_path, **{"ans/sw.json": ["1"] * 30})
    task = find_task("xnli")
    assert pick_example(task, "sw", 0, None, None, data).answer == " (1)"
    with pytest.raises(XTransplantError, match="not the same item"):
        pick_example(task, "sw", 1, None, None, data)


def test_tasks_hold_nothing_of_the_papers_data():
    # Their licences forbid it; templates here are our own words.
    data = Path(__file__).resolve().parents[3] / "shared" / "data" / "XNLI" / "XNLI_sample"
    if not data.is_dir():
        pytest.skip(f"the paper's prompts are not at {data}")
    first = json.loads((data / "split" / "sw.json").read_text().splitlines()[0])
    opening = first.split("\n")[0]
    for path in (Path(__file__).resolve().parents[2] / "benchmarks").rglob("*.py"):
        assert opening not in path.read_text()


def test_one_candidate_is_refused_and_examples_carry_their_tasks_rule(tmp_path):
    path, row = tmp_path / "mine.jsonl", {"source": "a", "target": "b", "answer": " yes"}
    path.write_text(json.dumps({**row, "candidates": [" yes"]}) + "\n")
    with pytest.raises(XTransplantError, match="row 1 has one candidate, ' yes', which is always"):
        load_examples(find_task("file"), "xx", data=DataSource(file=path))
    path.write_text(json.dumps({**row, "candidates": [" yes", " no"]}) + "\n")
    (example,) = load_examples(find_task("file"), "xx", data=DataSource(file=path)).examples
    assert example.key.rule == example.source_key.rule == find_task("file").rule == "contains"
