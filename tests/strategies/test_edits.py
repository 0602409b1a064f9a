"""An edit says when it acts and through what; the defaults leave no mark, the rest is refused."""

import pytest

from xtransplant import XTransplantError
from xtransplant.engine.ask.items import Item
from xtransplant.engine.score import score_items
from xtransplant.packing import MASKED, ROWS, SHARED
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
        (write("decode"), r'target.during\("decode", through="both"\) is not supported yet'),
        (write("all"), "not supported yet: edits are made during prefill"),
        (write("first(2)"), "not supported yet"),
        (write(through="cache"), r'target.during\("prefill", through="cache"\) is not supported'),
        (write("prefill", through="logits"), "not supported yet"),
        (write("sometimes"), "not 'sometimes'"),
        (write(through="walls"), "not 'walls'"),
        (lambda s, t, i, j: s.during("all").attn[i], "source is read as it is after the prefill"),
    ],
)
def test_nothing_but_the_defaults_is_recorded(function, words):
    with pytest.raises(XTransplantError, match=words):
        record(function, SHAPE, 0, 1, {})


@pytest.mark.parametrize("packing", [SHARED, MASKED, ROWS], ids=str)
@pytest.mark.parametrize("field", [{"when": parse_when("decode")}, {"through": "logits"}])
def test_the_engine_makes_no_edit_otherwise_than_it_says(llama, field, packing):
    item = Item([5, 6], [5, 6], [[7]], [[7]])
    variants = [[Edit("attn", 1, LAST, Value(), **field)]]
    with pytest.raises(
        XTransplantError, match=r"target.during.*attn\[1\] = 0 is not supported yet"
    ):
        next(score_items(llama, [item], variants, packing=packing))
