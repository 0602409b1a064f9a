"""Strategies are found by name: built-ins and plug-ins alike."""

import pytest

from xtransplant import XTransplantError, find_strategy
from xtransplant.strategies import Shape, strategy_names
from xtransplant.strategies.describe import describe

SHAPE = Shape(n_layers=4, n_heads=4)


def test_every_builtin_records_and_says_how_to_run_it():
    names = strategy_names()
    assert {"attn-swap", "attn-swap-official", "blend", "ffn-swap", "head-swap", "none",
            "resid-swap"} <= set(names)  # fmt: skip
    for name in names:
        strategy = find_strategy(name)
        assert strategy.printable().edits(SHAPE, 1, 2)
        assert f"xtp trace --strategy {name}" in strategy.doc
        assert strategy.name == name


def test_an_edit_of_each_head_is_described_once():
    (text,) = describe("head-mask")["records"]
    assert text.startswith('target.during("all").head(h)[j, :] = target.head(h)[j, :] ')
    assert "fit.chosen[target][j, h]" in text
    assert text.endswith(" for each head h")
    (text,) = describe("head-swap", ["head=3"])["records"]
    assert text == "target.head(3)[j] = source.head(3)[i]"


def test_a_missing_file_and_an_unknown_name():
    with pytest.raises(XTransplantError, match=r"no strategy file 'nowhere.py'"):
        find_strategy("nowhere.py")
    with pytest.raises(XTransplantError, match="nearest: ffn-swap"):
        find_strategy("fn-swap")
