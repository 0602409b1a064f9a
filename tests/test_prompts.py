"""An item is what it says."""

from dataclasses import replace

import pytest

from xtransplant import XTransplantError, transplant
from xtransplant.prompts import Example, Key, as_example, item_digest

ONE = Example("How many?", "Ngapi?", (" 1", " 2"), " 1", "a", "en", "sw")


def test_an_item_is_what_it_says_not_what_it_is_called():
    again = replace(ONE, id="b", source_lang="", target_lang="", key=Key(("1",)))
    assert item_digest(again) == item_digest(ONE)


@pytest.mark.parametrize(
    "change",
    [
        {"source": "How much?"}, {"target": "Ngapi"}, {"candidates": (" 1", " 3")},
        {"answer": " 2"}, {"answer": None}, {"source": ONE.target, "target": ONE.source},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_it_says_makes_another_item(change):
    assert item_digest(replace(ONE, **change)) != item_digest(ONE)


def test_lone_surrogates_have_a_digest_too():
    assert len(item_digest(replace(ONE, source="\ud800"))) == 64


def test_a_pair_of_prompts_is_an_example(llama):
    assert as_example(("a", "b")) == Example("a", "b")
    example = Example("a", "b", answer="c")
    assert as_example(example) is example
    grid = transplant(llama, ("a b", "c"), "attn-swap", source_layers=[0])
    assert grid.example == Example("a b", "c")


def test_an_answer_that_is_none_of_the_candidates_is_refused(llama):
    wrong = Example("a", "b", candidates=(" 1", " 2"), answer="1")
    with pytest.raises(XTransplantError, match=r"answer '1' is none of the candidates: ' 1', ' 2'"):
        transplant(llama, wrong, "attn-swap")


@pytest.mark.parametrize("given", ["ab", ("a",), ("a", 3), ["a", "b"], [Example("a", "b")], None])
def test_what_is_no_example_is_an_error_of_one_line_that_says_what_is(llama, given):
    with pytest.raises(
        XTransplantError, match=r"is no example: give xtransplant\.Example\("
    ) as got:
        transplant(llama, given, "attn-swap")
    assert len(str(got.value).splitlines()) == 1
