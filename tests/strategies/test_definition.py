"""What a strategy is: options bound, edits recorded, its author's errors located."""

import pytest

from xtransplant import XTransplantError, find_strategy
from xtransplant.strategies import Shape

SHAPE = Shape(n_layers=4, n_heads=4)


def test_a_strategy_that_fails_says_where(write, good):
    broken = good.replace("weight * source.ffn[i]", "undefined_name")
    strategy = find_strategy(str(write(broken)))
    with pytest.raises(XTransplantError, match=r"line 6: NameError"):
        strategy.edits(SHAPE, 0, 0)


@pytest.mark.parametrize(
    "instead", ["source.ffn[i].mean()", "abs(source.ffn[i])", "float(source.ffn[i] > 0)"]
)
def test_what_is_read_is_no_tensor_and_the_error_says_what_to_write(write, good, instead):
    strategy = find_strategy(str(write(good.replace("weight * source.ffn[i]", instead))))
    with pytest.raises(XTransplantError, match=r"line 6: .*write apply\(function, value\)$"):
        strategy.edits(SHAPE, 0, 0)


def test_a_raw_strategy_keeps_its_options_and_records_nothing(write, tmp_path):
    text = """
from xtransplant import strategy

@strategy("mine", raw=True)
def mine(model, i, j, weight: float = 0.5, times: int = 2):
    yield
"""
    raw = find_strategy(str(write(text))).with_options({"weight": "2"})
    script = raw.variant(SHAPE, 1, 2)
    assert (script.i, script.j) == (1, 2)
    assert dict(script.options) == {"weight": 2.0, "times": 2}
    assert script.name == "mine(weight=2.0)"
    with pytest.raises(XTransplantError, match="records no edits"):
        raw.edits(SHAPE, 1, 2)
    write(text.replace("    yield", "    pass"))
    with pytest.raises(XTransplantError, match=r"mine has no yield; write one"):
        find_strategy(str(tmp_path / "mine.py"))


def test_options_do_not_leak_into_the_registered_strategy():
    bound = find_strategy("blend").with_options({"weight": 0.25})
    assert find_strategy("blend").values == ()
    assert find_strategy("blend").with_options(weight=0.25) == bound
    assert "'weight', 0.25" in repr(bound)
    assert len(repr(bound)) < 200 + len(bound.origin)  # a line in a notebook, without its text


@pytest.mark.parametrize(
    ("declared", "takes", "words"),
    [
        (", fit=means", "", "its function takes no fit: write it after j"),
        ("", ", fit", "does not say what is fitted"),
    ],
)
def test_a_fit_is_declared_and_taken(write, declared, takes, words):
    text = f"""
from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("attn")
def means(stats):
    return {{"v": stats.mean("en")}}


@strategy("mine"{declared})
def mine(source, target, i, j{takes}, weight: float = 1.0):
    target.attn[j] = source.attn[i]
"""
    with pytest.raises(XTransplantError, match=words) as caught:
        find_strategy(str(write(text)))
    assert "line 11" in str(caught.value)
