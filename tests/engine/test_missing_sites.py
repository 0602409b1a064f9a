"""Layer pairs that do not exist in a model of several kinds of layers: left out, or refused."""

import numpy as np
import pytest
from family_cases import swap
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, capture, find_strategy, load, strategy, transplant
from xtransplant.engine.ask.variants import existing_pairs


@pytest.fixture(scope="module")
def nemotron():
    """Layers: a state space, an MLP, attention, experts."""
    return load(tiny_checkpoint("nemotron_h"))


def test_a_grid_over_all_layers_leaves_out_pairs_that_do_not_exist(nemotron):
    grid = transplant(nemotron, EXAMPLE, "attn-swap")
    assert (grid.source_layers, grid.target_layers) == ((0, 2), (0, 2))
    assert "12 of 16 layer pairs do not exist and are left out: " in grid.note
    assert "layer 1 is a mlp layer, which has no attn; layers 0, 2 have" in grid.note
    # The others are what they are when they are asked for.
    named = transplant(nemotron, EXAMPLE, "attn-swap", source_layers=[0, 2], target_layers=[0, 2])
    assert "left out" not in named.note
    assert np.array_equal(grid.scores.logprobs, named.scores.logprobs)


def test_a_layer_that_is_named_is_refused(nemotron):
    with pytest.raises(XTransplantError, match=r"target.attn\[1\]: layer 1 is a mlp layer"):
        transplant(nemotron, EXAMPLE, "attn-swap", source_layers=[0], target_layers=[0, 1])
    with pytest.raises(XTransplantError, match=r"source.ffn\[0\]: layer 0 is a linear_attention"):
        capture(nemotron, EXAMPLE.source, ("ffn",))
    found = capture(nemotron, EXAMPLE.source, ("ffn",), layers=(1, 3))
    assert found["ffn"].shape == (2, 1, nemotron.d_model)


def test_heads_of_other_widths_are_no_pair():
    model = load(tiny_checkpoint("gemma4_text"))  # full attention has wider heads
    swap = find_strategy("head-swap").with_options({"head": 1})
    found = existing_pairs(model, swap, [(i, j) for i in range(4) for j in range(4)])
    assert found.pairs == [(i, j) for i in range(4) for j in range(4) if i % 2 == j % 2]
    assert "head is 16 wide there and head 12 here" in found.note
    with pytest.raises(XTransplantError, match="head is"):
        transplant(model, EXAMPLE, swap)
    same = transplant(model, EXAMPLE, swap, source_layers=[1, 3], target_layers=[1, 3])
    assert same.scores.logprobs.shape[0] == 4


@pytest.mark.parametrize(
    ("family", "site", "says"),
    [
        ("mixtral", "neurons", "no layer's feed-forward network has one projection"),
        ("phi3", "keys", "no layer has a projection that makes its keys"),
        ("gpt2", "values", "no layer has a projection that makes its values"),
    ],
)
def test_a_site_inside_modules_that_are_made_otherwise_is_missing_by_name(family, site, says):
    with pytest.raises(
        XTransplantError, match=f"{site}: this model's sites are .*; {says}"
    ) as found:
        transplant(load(tiny_checkpoint(family)), EXAMPLE, swap(site))
    assert "\n" not in str(found.value)


def test_layers_with_experts_have_no_neurons():
    grid = transplant(load(tiny_checkpoint("llama4_text")), EXAMPLE, "neuron-swap")
    assert (grid.source_layers, grid.target_layers) == ((0, 2), (0, 2))
    assert "which has no neurons; layers 0, 2 have" in grid.note


@strategy("mean-of-two")
def mean_of_two(source, target, i, j):
    target.attn[j] = (source.attn[i] + source.attn[i + 1]) / 2


@strategy("only-the-next")
def only_the_next(source, target, i, j):
    target.ffn[j + target.n_layers] = source.ffn[i]


def test_the_layer_after_the_last_is_left_out_and_said():
    model = load(tiny_checkpoint("llama"))
    grid, last = transplant(model, EXAMPLE, mean_of_two), model.n_layers - 1
    assert (grid.source_layers, grid.target_layers) == (tuple(range(last)), tuple(range(last + 1)))
    n = last + 1
    assert f"{n} of {n * n} layer pairs do not exist and are left out: " in grid.note
    assert f"source.attn[i + 1]: there is no layer {n}, the model has layers 0 to {last}" in (
        grid.note
    )
    with pytest.raises(XTransplantError, match=f"there is no layer {n}"):
        transplant(model, EXAMPLE, mean_of_two, source_layers=[last])
    with pytest.raises(XTransplantError, match=r"target.ffn\[j \+ n_layers\]: there is no layer"):
        transplant(model, EXAMPLE, only_the_next)
