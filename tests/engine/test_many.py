"""Many examples, little memory, kept sources: none of it changes a number."""

import random
from itertools import product

import numpy as np
import pytest
import torch
from tiny import tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load, strategy
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.trace import batch, decoding_rows
from xtransplant.engine.trace.sources import Sources
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

WAYS = (SHARED, Packing(growing=True), MASKED)
ROOMY = 1e9


def items(count, seed=0, sources=None):
    """Prompts of many lengths, with candidates of their own."""
    dice = random.Random(seed)

    def prompt(shortest, longest):
        return tuple(dice.randrange(3, 600) for _ in range(dice.randint(shortest, longest)))

    kept = [
        (prompt(4, 30), tuple(prompt(1, 3) for _ in range(dice.randint(0, 4))))
        for _ in range(sources or count)
    ]
    found = []
    for number in range(count):
        source, candidates = kept[number % len(kept)]
        found.append(Item(source, prompt(4, 30), candidates, candidates))
    return found


def edits(model, name="attn-swap"):
    n = model.n_layers
    return [find_strategy(name).edits(shape_of(model), i, j) for i in range(n) for j in range(n)]


def same(one, other):
    assert np.abs(one.logprobs - other.logprobs).max(initial=0) < 1e-4
    assert np.abs(one.vanilla - other.vanilla).max(initial=0) < 1e-4
    assert np.abs(one.source - other.source).max(initial=0) < 1e-4
    assert np.abs(one.top_logprobs - other.top_logprobs).max() < 1e-4


@pytest.mark.parametrize("packing", WAYS, ids=str)
@pytest.mark.parametrize("family", ["llama", "gemma3_text", "gpt_oss"])
def test_one_example_equals_many(family, packing):
    model, examples = load(tiny_checkpoint(family)), items(7, sources=3)
    variants = edits(model)
    together = list(
        score_items(model, examples, variants, packing=packing, memory=MemoryBudget(ROOMY))
    )
    assert len(together) == 7
    assert together[0].forward_passes == 2
    for example, found in zip(examples, together, strict=True):
        same(found, next(score_items(model, [example], variants, packing=ROWS)))


def test_padding_makes_no_half_precision_number_into_none():
    model, examples = load(tiny_checkpoint("llama"), dtype="float16"), items(6)
    found = score_items(model, examples, edits(model), packing=SHARED, memory=MemoryBudget(ROOMY))
    for one in found:
        assert one.forward_passes == 2
        assert np.isfinite(one.logprobs).all()
        assert np.isfinite(one.top_logprobs).all()


def test_examples_are_taken_as_they_are_needed(llama):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield items(1, seed=taken)[0]

    few = score_items(llama, endless(), edits(llama), packing=SHARED, memory=MemoryBudget(1e6))
    for _ in range(3):
        next(few)
    assert taken < 600


def test_examples_whose_edits_fall_elsewhere_run_apart(llama):
    @strategy("fourth")
    def fourth(source, target, i, j):
        target.ffn[j, 3] = source.ffn[i, 2]

    examples, shape = items(5), shape_of(llama)
    variants = [fourth.edits(shape, i, j) for i in range(4) for j in (0, 3)]
    together = list(score_items(llama, examples, variants, packing=SHARED))
    for example, found in zip(examples, together, strict=True):
        same(found, next(score_items(llama, [example], variants, packing=ROWS)))


@pytest.mark.parametrize("limit", [1.0, 2e5, 5e5])
def test_a_small_budget_gives_the_same_numbers(llama, limit):
    examples, variants = items(6), edits(llama)
    roomy = list(score_items(llama, examples, variants, packing=SHARED, memory=MemoryBudget(ROOMY)))
    tight = list(score_items(llama, examples, variants, packing=SHARED, memory=MemoryBudget(limit)))
    for one, other in zip(roomy, tight, strict=True):
        same(one, other)
    # Together all take two passes, the sources' and the targets'. Apart each takes a source's, and
    # its target's in as many chunks as memory asks for: in the end one per variant.
    passes = [one.forward_passes for one in tight]
    assert {one.forward_passes for one in roomy} == {2}
    apart = 1 + len(variants)
    assert max(passes) == apart if limit < 5e5 else 2 < max(passes) < apart
    assert (set(passes) == {apart}) == (limit == 1.0)


class Scarce:
    """A model's last block that runs out of memory over more than so many columns."""

    def __init__(self, model, most):
        self.failures = 0

        def hook(module, args):
            if args[0].numel() // args[0].shape[-1] > most:
                self.failures += 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

        block = model.module.get_submodule(f"{model.family.layers}.{model.n_layers - 1}")
        self.handle = block.register_forward_pre_hook(hook)


@pytest.mark.parametrize("most", [150, 40, 31])
def test_running_out_of_memory_is_survived(llama, most, caplog):
    examples, variants = items(6), edits(llama)
    expected = list(score_items(llama, examples, variants, packing=SHARED))

    def generated():
        found = generate_items(llama, examples[:2], variants, packing=SHARED, decoding=Decoding(4))
        return [one.token_ids for one in found]

    generations = generated()
    scarce = Scarce(llama, most)
    try:
        found = list(score_items(llama, examples, variants, packing=SHARED))
        again = generated()
    finally:
        scarce.handle.remove()
    assert scarce.failures
    assert "out of memory with" in caplog.text
    assert "going on with half of that" in caplog.text
    for one, other in zip(expected, found, strict=True):
        same(one, other)
    assert generations == again


def test_one_variant_too_many_is_said(llama):
    scarce = Scarce(llama, 1)
    try:
        with pytest.raises(XTransplantError, match="out of memory on one variant"):
            next(score_items(llama, items(1), edits(llama), packing=SHARED))
        with pytest.raises(XTransplantError, match="out of memory on one variant"):
            next(generate_items(llama, items(1), edits(llama), packing=SHARED, decoding=Decoding()))
    finally:
        scarce.handle.remove()


def test_another_error_is_not_taken_for_it(llama, monkeypatch):
    def broken(*arguments, **named):
        raise RuntimeError("something else")

    monkeypatch.setattr(batch, "make_sequence_pass", broken)
    with pytest.raises(RuntimeError, match="something else"):
        next(score_items(llama, items(1), edits(llama), packing=SHARED))


def test_a_kept_source_is_not_run_again(llama):
    examples, sources = items(4, sources=2), Sources()
    first = list(
        score_items(
            llama, examples, edits(llama), packing=SHARED, sources=sources, memory=MemoryBudget(1)
        )
    )
    assert len(sources) == 2
    # Each source once, then each target in as many chunks as it has variants.
    assert [x.forward_passes for x in first] == [17, 17, 16, 16]
    # Another target, another strategy that reads the same.
    again = list(score_items(llama, examples, edits(llama), packing=SHARED, sources=sources))
    assert {x.forward_passes for x in again} == {1}
    for one, other in zip(first, again, strict=True):
        same(one, other)
    other_reads = edits(llama, "ffn-swap")
    ffn = list(score_items(llama, examples, other_reads, packing=SHARED, sources=sources))
    assert {x.forward_passes for x in ffn} == {2}
    for one, example in zip(ffn, examples, strict=True):
        same(one, next(score_items(llama, [example], other_reads, packing=ROWS)))
    generations = next(
        generate_items(
            llama, examples, other_reads, packing=SHARED, sources=sources, decoding=Decoding(2)
        )
    )
    fresh = next(generate_items(llama, examples, other_reads, packing=SHARED, decoding=Decoding(2)))
    assert generations.token_ids == fresh.token_ids
    assert generations.forward_passes == fresh.forward_passes - 1


def test_kept_sources_stay_within_their_bytes(llama):
    sources = Sources(most_bytes=4 * 48 * 4 * 3)
    list(score_items(llama, items(9), edits(llama), packing=SHARED, sources=sources))
    assert len(sources) == 3


@pytest.mark.parametrize(
    ("share", "ended"),
    [
        pytest.param(*one, marks=[] if one == (0.3, 0.0) else pytest.mark.slow)
        for one in product((0.0, 0.3, 1.0), (0.0, 1.0))
    ],
)
def test_sharing_histories_and_leaving_rows_change_no_token(llama, monkeypatch, share, ended):
    monkeypatch.setattr(decoding_rows, "_MOST_HISTORIES", share)
    monkeypatch.setattr(decoding_rows, "_MOST_ENDED", ended)
    # Tokens that the model often says end the text, so that rows end at different steps.
    ends = [2, 31, 77, 350, 412]
    for module in ("continuations", "trace.rows", "trace.greedy"):
        monkeypatch.setattr(f"xtransplant.engine.{module}.end_ids", lambda model: ends)
    examples, variants = items(4), edits(llama) + edits(llama, "ffn-swap")
    for example in examples:
        found, expected = (
            next(generate_items(llama, [example], variants, packing=packing, decoding=Decoding(12)))
            for packing in (SHARED, ROWS)
        )
        assert found.token_ids == expected.token_ids
        assert found.vanilla == expected.vanilla
        assert found.source == expected.source


def test_variants_that_say_the_same_cost_less_than_each_by_itself(llama):
    nothing = edits(llama, "none")
    found = next(
        generate_items(
            llama, items(1), nothing, packing=SHARED, decoding=Decoding(11, source_text=False)
        )
    )
    # One history throughout: 10 steps of the history and of each variant above its layer.
    above = sum((4 - j) / 4 for _ in range(4) for j in range(4))
    prompt = len(items(1)[0].target)
    assert found.token_forwards == pytest.approx(prompt + 11 * above + 10)
