"""An edit says when it acts and through what; the defaults leave no mark."""

import pytest

from xtransplant import XTransplantError
from xtransplant.strategies import LAST, Edit, Shape, Value
from xtransplant.strategies.edits import PREFILL, When, parse_through, parse_when
from xtransplant.strategies.recorder import record

SHAPE = Shape(n_layers=6, n_heads=4)


def write(when="prefill", **through):
    return lambda s, t, i, j: t.during(when, **through).attn.__setitem__(j, s.attn[i])


@pytest.mark.parametrize("text", ["prefill", "decode", "all", "first(2)", "first(20)"])
def test_steps_are_read_as_they_are_written(text):
    assert str(parse_when(text)) == text


def test_words_for_the_same_steps_are_the_same_steps():
    assert parse_when("first(1)") == parse_when("prefill") == PREFILL == When(0, 1)
    assert parse_when("decode") == When(1, None)
    assert parse_when("all") == When(0, None)


@pytest.mark.parametrize(
    "text", ["", "later", "first(0)", "first(-1)", "first()", "Prefill", 3, None]
)
def test_other_words_are_refused(text):
    with pytest.raises(XTransplantError, match="prefill, decode, all or first"):
        parse_when(text)
    with pytest.raises(XTransplantError, match="both, logits or cache"):
        parse_through(text)


def test_the_defaults_leave_an_edit_as_it_was_before_there_were_others():
    def plain(source, target, i, j):
        target.attn[j] = source.attn[i]

    explicit = record(write("first(1)", through="both"), SHAPE, 1, 2, {})
    assert explicit == record(plain, SHAPE, 1, 2, {})
    assert [str(edit) for edit in explicit] == ["target.attn[j] = source.attn[i]"]


def test_what_is_no_default_is_part_of_the_text_and_of_the_edit():
    plain = Edit("attn", 2, LAST, Value())
    later = Edit("attn", 2, LAST, Value(), when=parse_when("first(3)"))
    cache = Edit("attn", 2, LAST, Value(), through="cache")
    both = Edit("head", 2, LAST, Value(), 1, when=parse_when("all"), through="logits")
    assert len({plain, later, cache, both}) == 4
    assert [str(edit) for edit in (plain, later, cache, both)] == [
        "target.attn[2] = 0",
        'target.during("first(3)").attn[2] = 0',
        'target.during(through="cache").attn[2] = 0',
        'target.during("all", through="logits").head(1)[2] = 0',
    ]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (write("sometimes"), "not 'sometimes'"),
        (write(through="walls"), "not 'walls'"),
        (lambda s, t, i, j: s.during("all").attn[i], "source is read as it is after the prefill"),
    ],
)
def test_what_is_no_step_is_refused_as_it_is_recorded(function, words):
    with pytest.raises(XTransplantError, match=words):
        record(function, SHAPE, 0, 1, {})


@pytest.mark.parametrize("when", ["decode", "all", "first(3)"])
def test_edits_of_one_place_at_other_steps_are_two(when):
    def twice(source, target, i, j):
        for steps in ("prefill", "decode"):
            target.during(steps).attn[j] = source.attn[i]
        if when != "decode":
            target.during(when).attn[j] = source.attn[i]

    if when == "decode":
        assert len(record(twice, SHAPE, 0, 1, {})) == 2
        return
    with pytest.raises(XTransplantError, match="write the same tokens"):
        record(twice, SHAPE, 0, 1, {})
