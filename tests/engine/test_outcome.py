"""Cells whose numbers are none, and cells that nothing was done to: recorded, on every way."""

import numpy as np
import pytest
import torch
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import find_strategy, load, strategy, transplant
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.memory import pass_bytes
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.outcome import same
from xtransplant.engine.score import score_items
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

WAYS = (SHARED, Packing(growing=True), MASKED, ROWS)
PAIRS = [(i, j) for i in range(4) for j in range(4)]


@strategy("too-much")
def too_much(source, target, i, j):
    target.ffn[j] = (1e30 if i == 1 else 1.0) * source.ffn[i]


@strategy("itself")
def itself(source, target, i, j):
    target.ffn[j] = target.ffn[j]


@pytest.fixture(scope="module")
def half():
    return load(tiny_checkpoint("llama"), dtype="float16")


def run(model, chosen, packing, tokens=3):
    variants = [chosen.variant(shape_of(model), i, j) for i, j in PAIRS]
    item = [item_of(model, EXAMPLE)]
    scored = next(score_items(model, item, variants, packing=packing))
    generations = next(
        generate_items(model, item, variants, packing=packing, decoding=Decoding(tokens))
    )
    return scored, generations


@pytest.mark.parametrize("packing", [SHARED, MASKED, ROWS], ids=str)
def test_what_overflows_is_not_finite_and_nothing_else_is(half, packing):
    scored, generations = run(half, too_much, packing)
    fits = [i != 1 for i, _ in PAIRS]
    assert scored.finite.tolist() == fits
    assert list(generations.finite) == fits
    assert not scored.unchanged[~scored.finite].any()
    assert scored.vanilla_finite
    assert scored.source_finite
    assert generations.vanilla_finite
    assert generations.source_finite


def test_what_overflows_as_the_text_goes_on_is_seen_too(half, monkeypatch):
    # The prompt is read well; the second step of decoding is not.
    layer = half.module.get_submodule(f"{half.family.layers}.3")
    for packing in (SHARED, ROWS):
        steps = []

        def spoil(module, args, output, steps=steps):
            hidden = output[0] if isinstance(output, tuple) else output
            steps.append(hidden.shape)
            # The last call: longest texts' last step.
            if len(steps) == spoil.at:
                hidden.fill_(float("inf"))

        spoil.at = 10**9
        handle = layer.register_forward_hook(spoil)
        variants = [find_strategy("none").variant(shape_of(half), 0, 0)]
        ask = {"packing": packing, "decoding": Decoding(4, source_text=False)}
        try:
            clean = next(generate_items(half, [item_of(half, EXAMPLE)], variants, **ask))
            spoil.at, total = len(steps), len(steps)
            steps.clear()
            spoiled = next(generate_items(half, [item_of(half, EXAMPLE)], variants, **ask))
        finally:
            handle.remove()
        assert len(steps) == total
        assert clean.finite == (True,)
        assert spoiled.finite == (False,)
        assert not spoiled.vanilla_finite


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("packing", WAYS, ids=str)
def test_a_write_that_changes_nothing_is_told_from_one_that_does(dtype, packing):
    model = load(tiny_checkpoint("llama"), dtype=dtype)
    for chosen in (find_strategy("none"), itself):
        scored, generations = run(model, chosen, packing)
        assert scored.unchanged.all()
        assert all(generations.unchanged)
    scored, generations = run(model, find_strategy("ffn-swap"), packing)
    assert not scored.unchanged.any()
    assert not any(generations.unchanged)


def test_the_same_text_by_another_way_is_a_change(llama):
    # Weak enough that no token changes, strong enough for the first one's probability.
    weak = find_strategy("blend").with_options({"weight": 1e-4})
    _, generations = run(llama, weak, SHARED)
    assert {text == generations.vanilla for text in generations.outputs} == {True}
    assert not any(generations.unchanged)


def test_variants_in_parts_are_held_to_their_own_part(llama):
    least = 1 + int(pass_bytes(llama, 1, 1, 1))  # a budget of one token, so that variants run alone
    grid = transplant(
        llama, EXAMPLE, "none", generations=True, max_new_tokens=2, memory_budget=least
    )
    assert grid.scores.forward_passes > 10
    assert grid.unchanged


@strategy("raw-times", raw=True)
def raw_times(model, i, j, *, weight: float = 1.0):
    value = model.model.layers[i].mlp.output[0, -1].clone()
    yield
    model.model.layers[j].mlp.output[0, -1] = weight * value


@strategy("raw-itself", raw=True)
def raw_itself(model, i, j):
    model.model.layers[i].mlp.output.sum()
    yield
    last = model.model.layers[j].mlp.output[0, -1]
    last[:] = last * 1.0


@pytest.mark.parametrize("precision", ["llama", "half"])
def test_raw_strategies_say_both(precision, request):
    model = request.getfixturevalue(precision)
    for chosen, finite, unchanged in (
        (raw_itself, True, True),
        (raw_times, True, False),
        (raw_times.with_options({"weight": 1e38}), precision == "llama", False),
    ):
        grid = transplant(
            model, EXAMPLE, chosen, source_layers=[1], target_layers=[0, 3], generations=True,
            max_new_tokens=3,
        )  # fmt: skip
        assert (grid.finite == finite).all()
        assert grid.unchanged == unchanged


def test_rounding_is_no_change_and_more_than_rounding_is():
    plain = torch.tensor([-0.5, -62.0])
    near = plain * (1 + 4 * torch.finfo(torch.float32).eps)
    far = plain * (1 + 1e-4)
    assert same(near, plain, torch.float32, bits=False).all()
    assert not same(near, plain, torch.float32, bits=True).any()
    assert not same(far, plain, torch.float32, bits=False).any()
    assert same(far, plain, torch.bfloat16, bits=False).all()
    nothing = torch.tensor([float("nan"), float("-inf")])
    assert not same(nothing, nothing, torch.float32, bits=True).any()
    assert not same(nothing, nothing, torch.float32, bits=False).any()
    assert [way.keeps_bits for way in WAYS] == [True, False, False, True]


def test_a_cell_that_is_not_finite_is_never_right_and_never_best(half):
    grid = transplant(half, EXAMPLE, too_much, generations=True, max_new_tokens=2)
    bad = ~grid.finite
    assert bad.sum() == 4
    assert [answer is None for answer in grid.answers()] == bad.ravel().tolist()
    assert np.isnan(grid.probabilities()[bad]).all()
    for level in ("strict", "match", "lenient"):
        assert not grid.correct(level)[bad].any()
    assert grid.best().source_layer != 1
