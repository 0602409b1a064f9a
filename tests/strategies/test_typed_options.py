"""Options are typed keyword arguments: what is none of their type is refused."""

import pytest

from xtransplant import XTransplantError, find_strategy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight": "much"}, "should be a number"),
        ({"site": "mlp"}, "should be one of attn, ffn"),
        ({"wieght": "1"}, r"no option 'wieght' \(nearest: weight\)"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(XTransplantError, match=words):
        find_strategy("blend").with_options(options)


def test_an_option_needs_a_type(write, good):
    path = write(good.replace("weight: float", "weight"))
    with pytest.raises(XTransplantError, match="needs a type and a default"):
        find_strategy(str(path))
