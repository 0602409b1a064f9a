"""Null grids' examples: another item's source, or the target itself."""

from dataclasses import replace

import pytest

from xtransplant import Example, XTransplantError
from xtransplant.benchmarks.babel import babel
from xtransplant.tasks.derangements import derangements
from xtransplant.tasks.nulls import NULLS, null_examples, parse_nulls


def other(examples):
    """By example, the one whose source it gets."""
    by_source = {one.source: one for one in examples}
    return {
        one: by_source[made.source] for one, made in null_examples("other", examples).items()
    }  # fmt: skip


def test_another_items_source_and_nothing_else_is_changed():
    examples = babel.examples("sw", "en-to-lang", "pilot")
    made, drawn = null_examples("other", examples), derangements(tuple(examples))[0]
    assert list(made) == list(examples)
    for one, at in zip(examples, drawn, strict=True):
        assert made[one] == replace(one, source=examples[at].source)
        assert examples[at].source != one.source
        assert examples[at].answer != one.answer


def test_the_same_ones_whenever_and_further_sources_are_the_others_too():
    plain = babel.examples("sw", "en-to-lang", "pilot")
    examples = [replace(one, sources=(("zh", f"zh {k}"),)) for k, one in enumerate(plain)]
    made = null_examples("other", examples)
    assert made == null_examples("other", list(examples))
    for one, given in made.items():
        source = next(each for each in examples if each.source == given.source)
        assert given.sources == source.sources != one.sources


def test_never_the_item_itself_though_all_have_one_answer():
    examples = [Example(f"s{k}", f"t{k}", answer="a") for k in range(5)]
    found = other(examples)
    assert all(found[one] != one for one in examples)
    assert len({one.source for one in found.values()}) == 5


def test_another_answer_where_it_can_be_had_and_no_copy_of_the_prompt():
    examples = [Example("same", "t0", answer="a"), Example("same", "t1", answer="b"),
                Example("s2", "t2", answer="a"), Example("s3", "t3", answer="b")]  # fmt: skip
    found = other(examples)
    assert all(found[one].source != one.source for one in examples)
    # The copies have only one other item with another answer.
    assert found[examples[0]] == examples[3]
    assert found[examples[1]] == examples[2]


def test_one_item_alone_has_no_other_but_has_itself():
    alone = Example("s", "t", ("a", "b"), "a", source_candidates=("A", "B"), sources=(("zh", "z"),))
    assert null_examples("other", [alone]) == {}
    assert null_examples("self", [alone]) == {alone: replace(alone, source="t",
                                                             sources=(("zh", "t"),))}  # fmt: skip


def test_names():
    assert parse_nulls(["self", "other", "self"]) == ("other", "self")
    assert parse_nulls(["none"]) == parse_nulls([]) == ()
    for names in (["foo"], ["none", "other"]):
        with pytest.raises(XTransplantError, match="--null") as error:
            parse_nulls(names)
        assert "\n" not in str(error.value)
    assert all(NULLS.values())
