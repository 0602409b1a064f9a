"""Every bundled task from small clones of the hub's datasets."""

import json
import re
from pathlib import Path

import pytest
from datasets_made import hub_clones, lay_out

from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.matching import RULES
from xtransplant.tasks.task import find_task, task_names


@pytest.fixture
def hub(tmp_path):
    return hub_clones(tmp_path)


def test_all_tasks_of_the_paper_are_there():
    assert set(task_names()) == {
        "babel", "capitals", "klar", "belebele", "global-mmlu-lite", "global-mmlu-lite-cs",
        "global-mmlu-lite-ca", "xnli", "xquad", "xcopa", "mkqa", "global-opinion-qa",
        "culturalbench", "file",
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
     ("belebele", "sw", 50, 10), ("global-mmlu-lite", "yo", 50, 70),
     ("global-mmlu-lite-cs", "yo", 50, 10), ("global-mmlu-lite-ca", "yo", 50, 10),
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


@pytest.mark.parametrize(
    ("name", "lang", "words"),
    [("belebele", "sw", ("Swali: swh_Latn", "\nJibu:")),
     ("global-mmlu-lite", "yo", ("Ìbéèrè: yo", "\nÌdáhùn:"))],
)  # fmt: skip
def test_items_of_tables_in_another_order_are_the_same(hub, name, lang, words):
    loaded = load_examples(find_task(name), lang, split="pilot", data=hub)
    assert not loaded.alignment.failed
    for one in loaded.examples:
        numbers = [re.findall(r"\d+", prompt) for prompt in (one.source, one.target)]
        assert numbers[0] == numbers[1]
        assert words[0] in one.target
        assert one.target.endswith(words[1])
        assert one.key.answers == one.source_key.answers


def test_a_culture_s_questions_are_those_with_its_label(hub):
    halves = []
    for half in ("", "-cs", "-ca"):
        task = find_task(f"global-mmlu-lite{half}")
        splits = [load_examples(task, "yo", split=split, data=hub) for split in task.splits]
        halves.append({one.id for loaded in splits for one in loaded.examples})
    assert halves[0] == halves[1] | halves[2]
    assert {int(name.rpartition("/")[2]) % 2 for name in halves[1]} == {1}
    assert {int(name.rpartition("/")[2]) % 2 for name in halves[2]} == {0}


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


def test_tasks_hold_nothing_of_the_papers_data():
    # Their licences forbid it; templates here are our own words.
    data = Path(__file__).resolve().parents[3] / "shared" / "data" / "XNLI" / "XNLI_sample"
    if not data.is_dir():
        pytest.skip(f"the paper's prompts are not at {data}")
    first = json.loads((data / "split" / "sw.json").read_text().splitlines()[0])
    opening = first.split("\n")[0]
    bundled = Path(__file__).resolve().parents[2] / "benchmarks"
    for path in (*bundled.rglob("*.py"), *bundled.rglob("*.toml")):
        assert opening not in path.read_text()
