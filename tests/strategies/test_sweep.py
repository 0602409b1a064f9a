"""Several values of an option: each value once, in the order given, none that was not asked for."""

import math
from typing import Annotated

import pytest

from xtransplant import XTransplantError, find_strategy, strategy
from xtransplant.strategies import Axis, Shape, sweep_options


@strategy("banded")
def banded(source, target, i, j, width: int = 1, note: str = "a", on: bool = False):
    target.attn[j] = source.attn[i]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0:1:0.25", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("0:0.3:0.1", (0.0, 0.1, 0.2, 0.3)),  # in binary 0.1 + 0.1 + 0.1 is not 0.3
        ("1:-1:-1", (1.0, 0.0, -1.0)),
        ("0,0.5, 2e-1", (0.0, 0.5, 0.2)),
    ],
)
def test_texts_of_several_numbers(text, values):
    sweep = find_strategy("blend").sweep(weight=text)
    assert sweep.axes == (("weight", values),)
    assert [one.bound["weight"] for one in sweep.strategies] == list(values)


def test_a_sweep_is_the_product_of_its_options_the_first_one_slow():
    sweep = find_strategy("blend").sweep(site="attn,ffn", weight=[0, 1])
    assert list(map(str, sweep.strategies)) == [
        "blend(site=attn, weight=0.0)", "blend(site=attn, weight=1.0)",
        "blend(weight=0.0)", "blend(weight=1.0)",
    ]  # fmt: skip
    assert str(sweep) == "blend; site=attn, ffn; weight=0.0, 1.0"


def test_one_value_is_no_axis_and_text_keeps_its_commas():
    sweep = banded.sweep(note="a,b", width="1:3:1", on=[True])
    assert sweep.axes == (("width", (1, 2, 3)),)
    assert dict(sweep.strategy.values) == {"note": "a,b", "on": True}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight": "0:1:0"}, "step of 0"),
        ({"weight": "0:1:-0.5"}, "steps away from its end"),
        ({"weight": "0:1:0.3"}, "does not come to its end 1 .* -S weight=0,0.3,0.6,0.9"),
        ({"weight": "0:1"}, "START:STOP:STEP"),
        ({"weight": "0:1:1e-9"}, "1,000,000,001 values, and a sweep takes 256"),
        ({"weight": "0:1:0.01", "site": "attn,ffn,resid_mid"}, "sweep of blend has 303 values"),
        ({"weight": "0,0.5,0"}, "0.0 is there twice"),
        ({"weight": "0,,1"}, "should be a number"),
        ({"weight": "0,nan"}, "finite"),
        ({"weight": [0, math.inf]}, "should be a number"),
        ({"weight": []}, "no value"),
        ({"site": "attn,mlp"}, "should be one of attn"),
        ({"wieght": "0,1"}, r"no option 'wieght' \(nearest: weight\)"),
    ],
)
def test_wrong_sweeps(options, words):
    with pytest.raises(XTransplantError, match=words):
        find_strategy("blend").sweep(**options)


def test_numbers_that_are_no_whole_ones():
    for value in (0.5, math.nan, math.inf, "x"):
        with pytest.raises(XTransplantError, match="width"):
            banded.sweep(width=[1, value])


@strategy("declared")
def declared(source, target, i, j, weight: Annotated[float, Axis(0, 1, 0.5)] = 0.5):
    target.attn[j] = weight * source.attn[i]


def test_all_is_what_an_option_declares_or_every_choice():
    assert declared.sweep(weight="all").axes == (("weight", (0.0, 0.5, 1.0)),)
    assert banded.sweep(on="all").axes == (("on", (False, True)),)
    sites = ("attn", "ffn", "resid_pre", "resid_mid", "resid_post", "attn_raw", "ffn_raw")
    assert find_strategy("blend").sweep(site="all").axes == (("site", sites),)
    with pytest.raises(XTransplantError, match="declares no values of its own"):
        find_strategy("blend").sweep(weight="all")
    assert declared.edits(Shape(4, 4), 1, 2) == declared.sweep(weight=0.5).strategy.edits(
        Shape(4, 4), 1, 2
    )


def test_a_combination_is_swept_as_one():
    sweep = find_strategy("attn-swap + blend(site=resid_post)").sweep(weight="0,0.5")
    names = ["attn-swap + blend(site=resid_post, weight=0.0)", "attn-swap + blend(site=resid_post)"]
    assert list(map(str, sweep.strategies)) == names
    acting = {"when": "prefill", "through": "both"}
    assert [one.bound for one in sweep.strategies] == [
        {"site": "resid_post", "weight": weight, **acting} for weight in (0.0, 0.5)
    ]
    assert {one.family for one in sweep.strategies} == {"attn-swap + blend"}
    with pytest.raises(XTransplantError, match="has a value of site already"):
        sweep_options(find_strategy("blend(site=attn)"), {"site": "ffn,attn"})
