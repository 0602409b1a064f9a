"""Candidates that are not run to their end: the same choices, and bounds that are bounds."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tiny import tiny_checkpoint

from xtransplant import find_strategy, load
from xtransplant.engine.ask import pruning
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.score import score_items
from xtransplant.engine.trace import later_tokens, likely_ids
from xtransplant.packing import MASKED, ROWS, SHARED, Packing
from xtransplant.tasks.judging import choose

WAYS = (SHARED, Packing(shared_prefix=True))


@pytest.fixture(autouse=True)
def _whatever_it_saves(monkeypatch):
    """On a model as small as these nothing would be worth a pass, nor bounds among a few ids."""
    monkeypatch.setattr(pruning, "_PASS_SECONDS", 0.0)
    monkeypatch.setattr(likely_ids, "_N_LIKELY", 10)
    monkeypatch.setattr(likely_ids, "_MOST", 1.0)
    monkeypatch.setattr(later_tokens, "bounds_are_cheap", lambda model: True)


def sharp(family):
    """A tiny model that is sure of what comes next, as trained ones are: most candidates drop."""
    model = load(tiny_checkpoint(family))
    model.module.get_output_embeddings().weight.mul_(12)
    return model


def items(count, seed):
    """Candidates of one to four tokens; of some examples all begin alike."""
    dice = random.Random(seed)

    def ids(shortest, longest):
        return tuple(dice.randrange(3, 600) for _ in range(dice.randint(shortest, longest)))

    found = []
    for number in range(count):
        begin = ids(1, 2) if number % 2 else ()
        candidates = [begin + ids(1, 4) for _ in range(dice.randint(2, 6))]
        # Of some, all are equally long: then what they share need only be ranked.
        lengths = [3 if number % 4 == 1 else dice.randint(1, 9) for _ in candidates]
        found.append(Item(ids(4, 30), ids(4, 30), candidates, candidates, lengths))
    return found


def variants(model, name="attn-swap"):
    n = model.n_layers
    return [find_strategy(name).edits(shape_of(model), i, j) for i in range(n) for j in range(n)]


def both(model, examples, edits, packing, limit=1e9):
    for exact in (True, False):
        asked = [replace(item, exact_scores=exact) for item in examples]
        yield list(
            score_items(model, asked, edits, packing=packing, memory=MemoryBudget(limit), top_k=2)
        )


def chosen(found, item):
    words = ["x" * length for length in item.lengths]
    logprobs = found.logprobs.astype(np.float32)
    return choose(logprobs, words, ["x"] * len(logprobs), found.finite)


def hold(exact, pruned, item):
    """How many log-likelihoods are bounds, after everything was found to hold."""
    bounds = np.zeros(exact.logprobs.shape, bool) if pruned.bounds is None else pruned.bounds
    ranked = bounds.all()
    assert np.abs(exact.logprobs - pruned.logprobs)[~bounds].max(initial=0) < 1e-3
    assert (exact.logprobs - pruned.logprobs)[bounds].max(initial=-1) < 1e-3
    # What is chosen has been run to its end, and nothing that was not can be.
    for name in ("match", "by_character"):
        mine, theirs = getattr(chosen(pruned, item), name), getattr(chosen(exact, item), name)
        lengths = 1 if name == "match" else np.array(item.lengths)
        worth = np.sort(exact.logprobs / lengths, axis=1)
        clear = worth[:, -1] - worth[:, -2] > 1e-3
        assert (mine == theirs)[clear].all()
        assert ranked or not np.take_along_axis(bounds, mine[:, None], 1).any()
    # Of any answer, the margin to the likeliest other one has its sign, and is no further from 0.
    for answer in range(exact.logprobs.shape[1]):
        margins = []
        for one in (exact, pruned):
            rest = np.delete(one.logprobs, answer, axis=1).max(1)
            margins.append(one.logprobs[:, answer] - rest)
        assert (np.sign(margins[0]) == np.sign(margins[1]))[np.abs(margins[0]) > 1e-3].all()
        assert (np.abs(margins[1]) < np.abs(margins[0]) + 1e-3).all()
    assert np.abs(exact.vanilla - pruned.vanilla).max() < 1e-3 or ranked
    for name in ("source", "top_logprobs"):
        assert np.abs(getattr(exact, name) - getattr(pruned, name)).max() < 1e-3
    # Fewer tokens are compared to the bit.
    assert (exact.unchanged <= pruned.unchanged).all()
    return int(bounds.sum()), ranked


@pytest.mark.parametrize(
    ("family", "packing", "bounds_first"),
    [
        ("llama", WAYS[0], False),
        ("gemma2", WAYS[1], True),  # a bound on its logits
        ("phi", WAYS[0], True),  # a bias
        ("cohere", WAYS[0], True),  # a factor
        ("gpt_oss", WAYS[0], True),
    ],
    ids=str,
)
def test_the_same_is_chosen(family, packing, bounds_first, monkeypatch):
    monkeypatch.setattr(later_tokens, "bounds_are_cheap", lambda model: bounds_first)
    asked: list[int] = []
    place = likely_ids.LikelyIds.place
    monkeypatch.setattr(
        likely_ids.LikelyIds, "place", lambda self, ids: asked.append(1) or place(self, ids)
    )
    model, examples = sharp(family), items(6, seed=1)
    exact, pruned = both(model, examples, variants(model), packing)
    held = [hold(*one) for one in zip(exact, pruned, examples, strict=True)]
    assert sum(n for n, ranked in held if not ranked) > 40
    assert bool(asked) == bounds_first
    assert [ranked for _, ranked in held] == [number % 4 == 1 for number in range(6)]
    assert all(one.bounds is None for one in exact)


@pytest.mark.parametrize(("packing", "limit"), [(WAYS[0], 2e5), (WAYS[1], 1.0)], ids=str)
def test_alone_and_in_parts_as_well_as_together(packing, limit):
    model, examples = sharp("llama"), items(2, seed=1)
    edits = variants(model)[::2]
    exact, _ = both(model, examples, edits, packing)
    _, parts = both(model, examples, edits, packing, limit)
    for one in zip(exact, parts, examples, strict=True):
        hold(*one)


@pytest.mark.parametrize("name", ["none", "ffn-swap", "head-swap"])
def test_other_sites_and_nothing_at_all(name):
    model, examples = sharp("llama"), items(4, seed=2)
    edits = variants(model, name)
    exact, pruned = both(model, examples, edits, SHARED)
    for one in zip(exact, pruned, examples, strict=True):
        hold(*one)
        assert name == "none" or not one[1].unchanged.any()


@pytest.mark.parametrize("packing", [MASKED, Packing(growing=True), ROWS], ids=str)
def test_where_keys_and_values_are_not_kept_all_is_run(packing):
    model, examples = sharp("llama"), items(2, seed=3)
    _, found = both(model, examples, variants(model)[:3], packing)
    assert [one.bounds for one in found] == [None, None]


def test_what_is_not_worth_a_pass_is_run(monkeypatch):
    monkeypatch.undo()
    model, examples = sharp("llama"), items(2, seed=3)
    _, found = both(model, examples, variants(model), SHARED)
    assert [one.bounds for one in found] == [None, None]


TOKENS = some.lists(some.floats(-9, 0), min_size=1, max_size=4)


@settings(deadline=None)
@given(some.lists(TOKENS, min_size=2, max_size=6), some.data())
def test_what_is_ruled_out_is_not_chosen(tokens, data):
    """However far each candidate has been run."""
    exact = np.array([[sum(one) for one in tokens]])
    run = np.array([data.draw(some.integers(1, len(one))) for one in tokens])
    done = run == [len(one) for one in tokens]
    sums = np.array([[sum(one[:n]) for one, n in zip(tokens, run, strict=True)]])
    lengths = [data.draw(some.integers(1, 12)) for _ in tokens]
    out = pruning.ruled_out(sums, done[None], lengths)
    assert not (out & done).any()
    mixed = np.where(out, sums, exact).astype(np.float32)
    words = ["x" * length for length in lengths]
    before, after = (
        choose(values, words, ["x"], np.array([True]))
        for values in (exact.astype(np.float32), mixed)
    )
    assert (before.match, before.by_character) == (after.match, after.by_character)
    if done.any() and not lengths.count(lengths[0]) < len(lengths):
        # Of equal lengths, one criterion is the other: all that lies lower is out.
        best = sums[0][done].max().astype(np.float32)
        assert (out[0] == (~done & (sums[0].astype(np.float32) < best))).all()
