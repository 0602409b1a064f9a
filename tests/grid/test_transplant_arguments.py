"""What is given to ``transplant`` in another form than it takes, said before anything runs."""

import pytest
from tiny import EXAMPLE

from xtransplant import (
    XTransplantError,
    capture,
    find_strategy,
    transplant,
    transplant_many,
    verify_packing,
)
from xtransplant.grid.lens import lens


def undecorated(source, target, i, j):
    target.ffn[j] = source.ffn[i]


@pytest.mark.parametrize(
    ("strategy", "options", "words"),
    [
        (undecorated, {}, r"no strategy; decorate it, @strategy\('undecorated'\)"),
        (3, {}, "3 is no strategy; give its name or file, after the example"),
        ("ffn-swap", {"source_layers": 3}, r"source_layers are numbers, as in \[0, 4\].* not 3"),
        ("ffn-swap", {"target_layers": "0:4"}, "target_layers are numbers.*not '0:4'"),
        ("blend", {"weight": 0.3}, r"no keyword 'weight'.*with_options\(weight=\.\.\.\)"),
        ("ffn-swap", {"generation": True}, "no keyword 'generation' .nearest: generations"),
    ],
)
def test_what_cannot_be_taken_is_named_with_what_can(llama, strategy, options, words):
    with pytest.raises(XTransplantError, match=words):
        transplant(llama, EXAMPLE, strategy, **options)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("mse", "Example.source=.*… is no strategy; give its name or file, after the example"),
        ("esm", "Example.source=.*… is no model; one from xtransplant.load comes first"),
        ("ems", "Example.source=.*… is no model; one from xtransplant.load comes first"),
        ("sem", r"Strategy.name='ffn-swap'.* is no model; one from xtransplant.load comes"),
    ],
)
def test_arguments_in_another_order_are_named(llama, order, words):
    given = {"m": llama, "e": EXAMPLE, "s": find_strategy("ffn-swap")}
    with pytest.raises(XTransplantError, match=words):
        transplant(*(given[one] for one in order))
    given["e"] = [EXAMPLE]
    with pytest.raises(XTransplantError, match=r"is no (model|strategy); "):
        transplant_many(*(given[one] for one in order))


@pytest.mark.parametrize(
    "call",
    [
        lambda name: transplant(name, EXAMPLE, "ffn-swap"),
        lambda name: transplant_many(name, [EXAMPLE], "ffn-swap"),
        lambda name: lens(name, EXAMPLE, "ffn-swap", (0, 0)),
        lambda name: capture(name, "hi"),
        verify_packing,
    ],
)
def test_a_model_has_to_be_loaded(call):
    with pytest.raises(XTransplantError, match=r"'babel' is no model yet.*load\('babel'\)"):
        call("babel")


def test_one_example_is_no_list_of_them(llama):
    with pytest.raises(XTransplantError, match=r"takes a list of examples, as in \[example\]"):
        transplant_many(llama, EXAMPLE, "ffn-swap")
