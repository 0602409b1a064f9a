"""A model that lies on two devices gives what it gives on one: no operation mixes them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from devices import FIRST, SECOND, Places, two_devices
from tiny import EXAMPLE, make_tiny

from xtransplant import capture, find_strategy, load, strategy
from xtransplant.engine.ask import pruning
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score, score_items
from xtransplant.engine.trace import later_tokens
from xtransplant.packing import MASKED, ROWS, SHARED

WAYS = (ROWS, MASKED, SHARED)
PAIRS = [(0, 1), (3, 3)]


@strategy("across")
def across(source, target, i, j):
    target.attn[0, -2:] = source.attn[i, -2:]
    target.head(1)[1] = source.head(2)[3]
    target.resid_post[3] = target.resid_post[3] + 0.3 * target.ffn[0] + 0.1 * source.resid_pre[j]


def test_the_stand_in_refuses_what_two_gpus_refuse():
    mode = Places()
    with mode:
        one, two = torch.ones(3, device=FIRST), torch.ones(3, device=SECOND)
        index = torch.tensor([0, 2])
        assert (one.device, (one * 2).device, one.cpu().device.type) == (FIRST, FIRST, "cpu")
        assert one.to(two).device == two[index].device == SECOND
        for wrong in (
            lambda: one + two,
            lambda: torch.cat([one, two]),
            lambda: two[index.to(FIRST)],
            lambda: one.index_select(0, index),
        ):
            with pytest.raises(RuntimeError, match=r"device|indices"):
                wrong()


@pytest.fixture(params=["llama", "gemma3_text"])
def loaded(request, tmp_path):
    """A model of its own: the second device's hooks stay on it."""
    make_tiny(request.param, tmp_path, tie_word_embeddings=False)
    return load(tmp_path)


@pytest.mark.slow
def test_scores_texts_and_activations_are_those_of_one_device(loaded, monkeypatch):

    def everything():
        found = []
        for way in WAYS:
            scores = score(loaded, EXAMPLE, across, PAIRS, packing=way)
            texts = generate(loaded, EXAMPLE, across, PAIRS, packing=way, max_new_tokens=3)
            found.append((scores, texts))
        sites = ("attn", "ffn", "head", "resid_pre", "resid_mid", "resid_post")
        return found, capture(loaded, EXAMPLE.source, sites)

    here, activations = everything()
    with two_devices(loaded, monkeypatch):
        there, also = everything()
    for (scores, texts), (others, generations) in zip(here, there, strict=True):
        assert np.abs(scores.logprobs - others.logprobs).max() < 1e-6
        assert np.abs(scores.source - others.source).max() < 1e-6
        assert (texts.token_ids, texts.source) == (generations.token_ids, generations.source)
    for site, value in activations.items():
        assert torch.equal(value, also[site])


def test_what_variants_say_in_common_lies_with_its_layer(loaded, monkeypatch):
    def generations():
        nothing = find_strategy("none")
        return generate(loaded, EXAMPLE, nothing, PAIRS, packing=SHARED, max_new_tokens=3)

    here = generations()
    with two_devices(loaded, monkeypatch):
        there = generations()
    # Fewer than each by itself: a history ran for all of them.
    assert here.token_forwards == there.token_forwards
    assert here.token_ids == there.token_ids


def test_candidates_are_run_in_turn_as_on_one_device(loaded, monkeypatch):
    monkeypatch.setattr(pruning, "_PASS_SECONDS", 0.0)
    monkeypatch.setattr(later_tokens, "bounds_are_cheap", lambda model: True)
    loaded.module.get_output_embeddings().weight.mul_(12)  # sure enough to rule candidates out
    item = Item([5, 6, 7], [8, 9, 10], *[[[11, 12, 13], [14, 15], [16, 17, 18, 19]]] * 2)
    swap, shape = find_strategy("attn-swap"), shape_of(loaded)
    edits = [swap.edits(shape, i, j) for i in range(4) for j in range(4)]

    def scores():
        asked = replace(item, exact_scores=False)
        return next(score_items(loaded, [asked], edits, packing=SHARED))

    here = scores()
    assert here.bounds is not None
    assert here.bounds.any()
    with two_devices(loaded, monkeypatch):
        there = scores()
    assert (here.bounds == there.bounds).all()
    assert np.abs(here.logprobs - there.logprobs).max() < 1e-6


@pytest.mark.slow
def test_a_script_runs_on_two_devices(loaded, monkeypatch):
    @strategy("raw-ffn", raw=True)
    def raw_ffn(nn, i, j):
        value = nn.model.layers[i].mlp.output[0, -1].clone()
        yield
        output = nn.model.layers[j].mlp.output
        output[0, -1] = value.to(output.device)

    def both():
        found = score(loaded, EXAMPLE, raw_ffn, PAIRS, packing=SHARED)
        return found, generate(loaded, EXAMPLE, raw_ffn, PAIRS, packing=SHARED, max_new_tokens=3)

    # The module's own output, as the script has it.
    site = "ffn_raw" if "ffn_raw" in loaded.sites else "ffn"
    twin = find_strategy("blend").with_options({"site": site, "weight": 1.0})
    scores, texts = both()
    recorded = score(loaded, EXAMPLE, twin, PAIRS, packing=SHARED)
    assert np.abs(scores.logprobs - recorded.logprobs).max() < 1e-4
    with two_devices(loaded, monkeypatch):
        others, generations = both()
    assert np.abs(scores.logprobs - others.logprobs).max() < 1e-6
    assert texts.token_ids == generations.token_ids


def test_the_room_is_that_of_the_fullest_device(loaded, monkeypatch):
    assert MemoryBudget.of(loaded).columns == 16384
    with two_devices(loaded, monkeypatch):
        free = {FIRST: 8e9, SECOND: 2e9}
        monkeypatch.setattr("xtransplant.engine.ask.memory.free_bytes", free.__getitem__)
        memory = MemoryBudget.of(loaded)
        assert memory.limit == 1e9
        assert memory.columns > 16384
        assert MemoryBudget.of(loaded, 10**6).columns == memory.columns
