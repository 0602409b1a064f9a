"""A task from its description alone: the one that docs/own-task.md shows."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from datasets_made import clone

from xtransplant import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.description import Description, Hub
from xtransplant.tasks.gold import read_texts
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.make import make_task

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "own-task.md"


@pytest.fixture
def written(tmp_path):
    """The module of that page's task, its words beside it."""
    text = GUIDE.read_text()
    blocks = {
        kind: dedent(re.search(rf"^   ```{kind}\n(.*?)^   ```$", text, re.DOTALL | re.MULTILINE)[1])
        for kind in ("toml", "python")
    }
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "global_mmlu.toml").write_text(blocks["toml"])
    path = tmp_path / "global_mmlu.py"
    path.write_text(blocks["python"])
    assert len(blocks["python"].splitlines()) <= 60
    spec = importlib.util.spec_from_file_location("global_mmlu", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(lang, n=60):
    return [
        {"sample_id": f"s{k}", "question": f"{lang} {k}?", "answer": "ABCD"[k % 4], "subject": "x",
         **{f"option_{letter}": f"{lang} {letter}{k}" for letter in "abcd"}}
        for k in range(n)
    ]  # fmt: skip


def test_the_task_that_contributing_shows_is_whole(written, tmp_path):
    task = written.global_mmlu
    assert (task.languages, task.splits) == ({"sw": "Swahili"}, ("pilot", "unseen"))
    assert (task.mode, task.scored, task.direction) == ("score", True, "en-to-lang")
    for lang in ("en", "sw"):
        clone(tmp_path, "CohereForAI/Global-MMLU", lang, "test", rows(lang))
    loaded = load_examples(task, "sw", split="unseen", data=DataSource(tmp_path))
    assert len(loaded.examples) == 10
    assert not loaded.alignment.failed
    one = loaded.examples[0]
    number = int(one.id.removeprefix("global-mmlu-s"))
    assert one.target == (
        f"sw {number}?\n(A) sw a{number}\n(B) sw b{number}\n(C) sw c{number}\n(D) sw d{number}\n\n"
        "Jibu ni:"
    )
    assert one.answer == f" ({'ABCD'[number % 4]})"
    assert one.key.rule == "letters"


def test_a_template_that_names_no_column_is_refused_before_anything_is_read():
    words = {"en": {"LEAD": "So:"}, "sw": {"LEAD": "Hivyo:"}}
    hub = Hub("a/b", ("question", "answer"), "answer", read_texts, {"pilot": "test"}, "{row}")
    about = Description("made", "Made.", "MIT", "contains", words, "{question} {LEAD}", hub)
    assert make_task(about).mode == "generate"
    with pytest.raises(XTransplantError, match=r"\{quesion\} is none of LEAD, answer, question"):
        make_task(replace(about, template="{quesion}"))
