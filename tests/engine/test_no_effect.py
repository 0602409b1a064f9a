"""A layer that a strategy does not depend on is found, and no other."""

from itertools import product

import pytest
from tiny import tiny_checkpoint

from xtransplant import find_strategy, load, strategy
from xtransplant.engine.ask.no_effect import no_effect


@strategy("upper-only")
def upper_only(source, target, i, j):
    target.ffn[j] = (0.5 if i > 2 else 0.0) * target.ffn[j]


@strategy("one-source")
def one_source(source, target, i, j):
    target.ffn[j] = source.ffn[0]


@strategy("no-target")
def no_target(source, target, i, j):
    target.ffn[i] = source.ffn[i]


@strategy("next-layer")
def next_layer(source, target, i, j):
    target.ffn[j + 1] = target.ffn[j + 1] * 0.5


@pytest.fixture(scope="module")
def model():
    return load(tiny_checkpoint("llama"))


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("ablate", "i has no effect: ablate does the same at every i, so that the 4 rows"),
        (one_source, "run one, --source-layers 0 (in a bench or pilot: --pairs diagonal)"),
        (next_layer, "i has no effect"),
        (no_target, "j has no effect: no-target does the same at every j, so that the 4 columns"),
        ("attn-swap", ""),
        ("two-vectors", ""),
        (upper_only, ""),
    ],
    ids=str,
)
def test_what_has_no_effect(model, chosen, words):
    one = find_strategy(chosen) if isinstance(chosen, str) else chosen
    pairs = list(product(range(4), range(4)))
    found = no_effect(model, [one.printable()], pairs)
    assert words in found
    assert bool(words) == bool(found)
    assert no_effect(model, [one.printable(), find_strategy("attn-swap")], pairs) == ""
    assert no_effect(model, [one.printable()], [(1, 1)]) == ""
