"""The formula of a docstring, in a line."""

import pytest

from xtransplant import find_strategy
from xtransplant.strategies import strategy_names
from xtransplant.strategies.docstring import find_formula


@pytest.mark.parametrize(
    ("doc", "formula"),
    [
        ("Moves it.\n\n    a := b\n\nMore.\n\n    c := d\n", "a := b"),
        (
            "Moves two.\n\n    a := b\n    c := d +\n        e   (twice)\n",
            "a := b; c := d + e (twice)",
        ),
        (
            "Moves by one.\n\n    a := b + v\n        for k = 1\n    v = mean of c\n",
            "a := b + v for k = 1; v = mean of c",
        ),
        ("Says how first.\n\n    xtp trace\n\nThen what.\n\n\ta := b", "a := b"),
        ("Says none := it.\n\nRun it.", ""),
        ("", ""),
    ],
)
def test_the_first_indented_assignments(doc, formula):
    assert find_formula(doc) == formula


def test_every_builtin_has_one_and_a_combination_those_of_its_parts():
    for name in strategy_names():
        assert ":=" in find_strategy(name).formula
    both = find_strategy("attn-swap + ffn-swap").formula
    assert both == (
        "attn_j(target)[last] := attn_i(source)[last]; ffn_j(target)[last] := ffn_i(source)[last]"
    )
