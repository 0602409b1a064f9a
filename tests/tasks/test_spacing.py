"""Candidates that run into their prompt are told; those that begin as they should are not."""

import pytest

from xtransplant import Example
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.spacing import run_on
from xtransplant.tasks.task import find_task


@pytest.mark.parametrize(
    ("target", "candidates", "shown"),
    [
        ("La capital es", (" París", "Roma"), "'esRoma'"),
        ("Jibu:", ("ndiyo", "hapana"), "'Jibu:ndiyo'"),
        ("عاصمة فرنسا", ("باريس", "روما"), "'فرنساباريس'"),
        ("La capital es", (" París", " Roma"), ""),
        ("Jibu: ", ("ndiyo", "hapana"), ""),
        ("答案：", ("巴黎", "罗马"), ""),
        ("法国的首都是", ("巴黎", "罗马"), ""),
        ("เมืองหลวงของฝรั่งเศสคือ", ("ปารีส", "โรม"), ""),
        ("Answer (", ("A", "B"), ""),
        ("Answer:", (" (1)", "(2)"), ""),
    ],
)
def test_a_forgotten_space_is_shown(target, candidates, shown):
    line = run_on([Example("Paris is in ", target, candidates, candidates[0])])
    assert (f"as in {shown};" in line) if shown else line == ""
    assert "\n" not in line


def test_the_source_has_candidates_of_its_own():
    after = {"source_candidates": ("yes", "no")}
    fine = Example("Answer:", "答案：", ("是", "否"), "是")
    assert run_on([fine]) == ""
    wrong = Example("Answer:", "答案：", ("是", "否"), "是", **after)
    assert run_on([fine, wrong]).startswith("1 of 2 examples have candidates that run on")


@pytest.mark.parametrize("name", ["babel", "capitals"])
def test_bundled_tasks_have_their_spaces(name):
    task = find_task(name)
    every = [one for lang in task.languages for one in load_examples(task, lang).examples]
    assert every
    assert run_on(every) == ""
