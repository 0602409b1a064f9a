"""Strategies combined with +: what is made of the text, in which order, and what is refused."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtransplant import XTransplantError, find_strategy
from xtransplant.strategies import Shape, split_names, sweep_options
from xtransplant.strategies.expression import Named, parse_expression

SHAPE = Shape(n_layers=4, n_heads=4)


def written(text):
    return [str(edit) for edit in find_strategy(text).edits(SHAPE, 1, 2)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("attn-swap", [("attn-swap", {})]),
        ("attn-swap + ffn-swap", [("attn-swap", {}), ("ffn-swap", {})]),
        ("attn-swap+ffn-swap", [("attn-swap", {}), ("ffn-swap", {})]),
        ("a(x=1e+5, y = b+c) + d", [("a", {"x": "1e+5", "y": "b+c"}), ("d", {})]),
        ("a(f=p(1).x)+ b()", [("a", {"f": "p(1).x"}), ("b", {})]),
        ("c++/x.py(w=1) + c++/y.py:n", [("c++/x.py", {"w": "1"}), ("c++/y.py:n", {})]),
        ("my dir (2)/x.py", [("my dir (2)/x.py", {})]),
        ("a+b", [("a+b", {})]),  # the name of a plug-in
    ],
)
def test_how_a_text_is_read(text, found):
    known = ("a+b",) if text == "a+b" else ()
    assert parse_expression(text, known) == [Named(*one) for one in found]


@given(st.text(alphabet="ab +(),=.py", max_size=20))
def test_any_text_is_read_or_refused(text):
    for read in (split_names, lambda given: parse_expression(given, ())):
        with suppress(XTransplantError):
            read(text)


def test_a_list_is_divided_outside_of_parentheses():
    text = " blend(site=attn, weight=0.3) ,attn-swap+ffn-swap,, none"
    assert split_names(text) == ["blend(site=attn, weight=0.3)", "attn-swap+ffn-swap", "none"]


def test_edits_stand_in_the_order_written():
    assert written("attn-swap + ffn-swap") == [
        "target.attn[j] = source.attn[i]", "target.ffn[j] = source.ffn[i]",
    ]  # fmt: skip
    assert written("ffn-swap + attn-swap") == written("attn-swap + ffn-swap")[::-1]
    (blend,) = written("blend(site=attn, weight=0.25)")
    assert blend == "target.attn[j] = 0.75 * target.attn[j] + 0.25 * source.attn[i]"


def test_a_part_reads_what_an_earlier_one_wrote(write):
    halve = """
from xtransplant import strategy

@strategy("onto-the-next")
def onto_the_next(source, target, i, j):
    target.ffn[j + 1] = target.attn[j]
"""
    assert written(f"attn-swap + {write(halve)}")[1] == "target.ffn[j + 1] = source.attn[i]"
    assert written(f"{write(halve)} + attn-swap")[0] == "target.ffn[j + 1] = target.attn[j]"


def test_python_says_the_same():
    attn, ffn = find_strategy("attn-swap"), find_strategy("ffn-swap")
    blend = find_strategy("blend").with_options({"weight": 0.25, "site": "resid_post"})
    found = find_strategy("attn-swap + ffn-swap + blend(weight=0.25, site=resid_post)")
    assert attn + ffn + blend == found == attn + (ffn + blend)
    assert str(found) == "attn-swap + ffn-swap + blend(site=resid_post, weight=0.25)"
    assert find_strategy(str(found)) == found
    with pytest.raises(TypeError):
        attn + "ffn-swap"


def test_identity_is_the_parts_hashes_in_order():
    one, two = find_strategy("attn-swap"), find_strategy("ffn-swap")
    text = f"{one.source_hash}\n{two.source_hash}"
    assert (one + two).source_hash == hashlib.sha256(text.encode()).hexdigest()
    assert (two + one).source_hash != (one + two).source_hash
    # An option that is given its default changes nothing.
    assert find_strategy("blend(site=ffn, weight=0.5)") == find_strategy("blend")


def test_an_option_goes_to_the_part_that_has_it():
    found = sweep_options(find_strategy("attn-swap + blend"), {"weight": "0.25"}).strategy
    assert str(found) == "attn-swap + blend(weight=0.25)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("attn-swap + attn-swap", r"attn-swap writes target.attn\[j\], which an earlier part"),
        ("attn-swap + blend(site=resid_mid)", r"blend\(site=resid_mid\) writes target.resid_mid"),
        ("blend(site=resid_mid) + attn-swap", r"attn-swap writes target.attn\[j\]"),
        ("attn-swap + fn-swap", "unknown strategy 'fn-swap' .nearest: ffn-swap"),
        ("attn-swap + ", "a name is missing"),
        ("+ attn-swap", "a name is missing"),
        ("attn-swap + blend(weight=x)", "option weight='x' should be a number"),
        ("blend(wieght=0.5)", "no option 'wieght' .nearest: weight"),
        ("blend(weight)", "'weight' should be name=value"),
        ("blend(weight=1, weight=2)", "is given twice"),
        ("blend(weight=1", "the parentheses of 'blend.weight=1' do not match"),
        ("blend)weight=1(", "do not match"),
    ],
)
def test_what_cannot_be_is_refused(text, words):
    with pytest.raises(XTransplantError, match=words):
        written(text)


def test_options_that_are_not_plain_are_refused():
    with pytest.raises(XTransplantError, match=r"-S weight=1: strategy blend.weight=0.3. has"):
        sweep_options(find_strategy("blend(weight=0.3)"), {"weight": "1"})
    two = find_strategy("blend(site=attn) + blend(site=ffn)")
    with pytest.raises(XTransplantError, match=r"is of blend and of blend: write it behind"):
        sweep_options(two, {"weight": "1"})
    with pytest.raises(XTransplantError, match=r"has no option 'weigth' .nearest: weight"):
        sweep_options(two, {"weigth": "1"})


def test_a_raw_strategy_is_not_combined(write):
    raw = '@strategy("mine", raw=True)\ndef mine(model, i, j):\n    yield\n'
    path = write(f"from xtransplant import strategy\n\n{raw}")
    with pytest.raises(XTransplantError, match="raw strategy mine records no edits"):
        find_strategy(f"attn-swap + {path}")


def test_an_error_is_located_in_the_part_that_it_is_of(write):
    path = write(
        "from xtransplant import strategy\n\n@strategy('mine')\n"
        "def mine(source, target, i, j):\n    target.ffn[j] = source.ffn[i] / 0\n"
    )
    with pytest.raises(XTransplantError, match=rf"{path} line 5: a value is divided by 0"):
        find_strategy(f"attn-swap + {path}").edits(SHAPE, 1, 2)
