"""What a formula says of a transplant of a prompt into itself, and of a control."""

import pytest

from xtransplant import apply, find_strategy, strategy
from xtransplant.strategies import Shape
from xtransplant.strategies.formula import self_transplant, writes_nothing_new

SHAPE = Shape(n_layers=4, n_heads=4)


@strategy("weighed")
def weighed(source, target, i, j, a: float = 0.1):
    # 0.1 * x + 0.2 * x + 0.7 * x is not 1 * x to the bit.
    target.ffn[j, -2:] = a * source.ffn[i, -2:] + 0.2 * target.ffn[j, -2:]
    target.ffn[j, -2:] = target.ffn[j, -2:] + (0.8 - a) * source.ffn[i, -2:]


@strategy("other-token")
def other_token(source, target, i, j):
    target.ffn[j] = source.ffn[i, -2]


@strategy("first-good-then-not")
def first_good_then_not(source, target, i, j):
    target.attn[j] = source.attn[i]
    target.ffn[j] = source.ffn[i] + 1


@strategy("own-function")
def own_function(source, target, i, j):
    target.ffn[j] = apply(abs, source.ffn[i])


@pytest.mark.parametrize(
    ("chosen", "is_identity", "why"),
    [
        ("attn-swap", True, "target.attn[j] = target.attn[j]"),
        ("head-swap", True, "target.head(0)[j] = target.head(0)[j]"),
        ("blend", True, "target.ffn[j] = target.ffn[j]"),
        ("none", True, "target.resid_post[j] = target.resid_post[j]"),
        ("attn-swap-official", False, "target.attn[j] = target.attn[j] + target.resid_pre[j]"),
        (weighed, True, "target.ffn[j, -2:] = target.ffn[j, -2:]"),
        (other_token, False, "target.ffn[j] = target.ffn[j, -2]"),
        (first_good_then_not, False, "target.ffn[j] = target.ffn[j] + 1"),
        (own_function, False, "abs(source.ffn[i])"),
    ],
    ids=str,
)
def test_the_formula_decides(chosen, is_identity, why):
    one = find_strategy(chosen) if isinstance(chosen, str) else chosen
    found = self_transplant(one.edits(SHAPE, 2, 2))
    assert found.is_identity == is_identity
    assert why in found.why


def test_only_a_control_writes_back_what_is_there():
    named = ("none", "attn-swap", "blend", "attn-swap-official")
    controls = [n for n in named if writes_nothing_new(find_strategy(n).edits(SHAPE, 1, 2))]
    assert controls == ["none"]
