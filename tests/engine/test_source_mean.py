"""The mean over several source prompts, held to plain hooks, however variants are packed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from reference import continued, likelihood, read_last, written_generate
from tiny import EXAMPLE, allowed, tiny_checkpoint

from xtransplant import XTransplantError, apply, load, strategy
from xtransplant.backends.dry import Dry
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import record_variants
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score, score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.engine.verify import packing_for
from xtransplant.packing import MASKED, ROWS, SHARED, Packing
from xtransplant.strategies import find_strategy, fixed
from xtransplant.tasks.load import examples_digest

WAYS = (ROWS, MASKED, Packing(growing=True), Packing(shared_prefix=True), SHARED)
PAIRS = [(0, 1), (2, 0), (3, 3), (1, 2)]
MORE = (("fr", "Combien de maisons y a-t-il dans la rue ?"), ("es", "¿Cuántas?"))
SEVERAL = replace(EXAMPLE, sources=MORE)


@strategy("mixed")
def mixed(source, target, i, j):
    shift = fixed(torch.ones(48), "shift")
    target.resid_mid[j, -2:] = target.resid_mid[j, -2:] + source.mean.resid_mid[i] - 0.1 * shift
    target.head(1)[j] = source.mean.head(2)[i, 0] + 0.5 * source.head(0)[i]
    target.ffn[j] = apply(torch.tanh, source.mean.ffn[i])


def prompts(model, example):
    return [prompt_ids(model, text) for text in (example.source, *dict(example.sources).values())]


def mean_of(model, example, site, layer):
    """By plain hooks, one prompt after the other."""
    return torch.stack(
        [read_last(model.module, ids, site, layer) for ids in prompts(model, example)]
    ).mean(dim=0)


@pytest.mark.any_dtype
@pytest.mark.parametrize("family", ["llama", "gpt2", "granite"])
def test_plain_hooks_give_the_same(family):
    model = load(tiny_checkpoint(family))
    chosen, target = find_strategy("resid-mean-swap"), prompt_ids(model, EXAMPLE.target)
    packing = packing_for(model).packing
    scores = score(model, SEVERAL, chosen, PAIRS, packing=packing)
    item = item_of(model, SEVERAL)
    texts = generate(model, SEVERAL, chosen, PAIRS, packing=packing, max_new_tokens=3)
    for k, (i, j) in enumerate(PAIRS):
        value = mean_of(model, SEVERAL, "resid_post", i)
        along = continued(model.module, "resid_post", j, value, target, item.target_candidates)
        wanted = [likelihood(*one) for one in zip(along, item.target_candidates, strict=True)]
        assert np.abs(scores.logprobs[k] - wanted).max() < 1e-4
        said = written_generate(model.module, "resid_post", j, value, target, 3, ends=())
        assert list(texts.token_ids[k]) == said[: len(texts.token_ids[k])]
    alone = score(model, EXAMPLE, find_strategy("resid-swap"), PAIRS, packing=packing)
    assert np.abs(alone.logprobs - scores.logprobs).max() > 1e-2
    assert np.array_equal(alone.source, scores.source)


@strategy("at-all-steps")
def at_all_steps(source, target, i, j):
    later = target.during("all")
    later.resid_post[j] = later.resid_post[j] + 2 * source.mean.resid_post[i]
    target.ffn[j, -2:] = source.mean.ffn[i]


@pytest.mark.parametrize("chosen", [mixed, at_all_steps, find_strategy("resid-mean-swap")], ids=str)
def test_every_packing_equals_one_variant_per_row(llama, chosen):
    by_row, *packed = (score(llama, SEVERAL, chosen, PAIRS, packing=packing) for packing in WAYS)
    for found in packed:
        assert np.abs(found.logprobs - by_row.logprobs).max() < allowed(llama, 1e-4), found.packing
        assert np.allclose(found.writes.written_norm, by_row.writes.written_norm, rtol=1e-3)
    texts = [
        generate(llama, SEVERAL, chosen, PAIRS, packing=packing, max_new_tokens=4)
        for packing in WAYS
    ]
    assert len({found.token_ids for found in texts}) == 1


def test_a_batch_equals_one_by_one_and_prompts_are_read_once(llama, monkeypatch):
    import xtransplant.engine.trace.source_means as module

    read, capture = [], module.capture_pass

    def counted(model, made, sizes):
        read.append(made)
        return capture(model, made, sizes)

    monkeypatch.setattr(module, "capture_pass", counted)
    others = replace(EXAMPLE, source="Other?", sources=(*MORE, ("de", "Wie viele?")))
    every, variants = (SEVERAL, others), record_variants(llama, mixed, PAIRS)
    items, packing, sources = [item_of(llama, one) for one in every], SHARED, Sources()
    together = list(score_items(llama, items, variants, packing=packing, sources=sources))
    assert len(read) == 5  # two of their own, two that both have, one more
    for one, found in zip(every, together, strict=True):
        alone = score(llama, one, mixed, PAIRS, packing=packing)
        assert np.abs(alone.logprobs - found.logprobs).max() < 1e-4
    count = len(read)
    again = list(score_items(llama, items, variants, packing=packing, sources=sources))
    assert len(read) == count
    assert np.array_equal(again[1].logprobs, together[1].logprobs)
    assert np.array_equal(again[1].source, together[1].source)


def test_the_mean_over_the_same_prompt_is_that_prompt(llama):
    same = replace(EXAMPLE, sources=(("xx", EXAMPLE.source),))
    found = score(llama, same, find_strategy("resid-mean-swap"), PAIRS, packing=SHARED)
    plain = score(llama, EXAMPLE, find_strategy("resid-swap"), PAIRS, packing=SHARED)
    assert np.abs(found.logprobs - plain.logprobs).max() < 1e-5


@strategy("several-tokens")
def several_tokens(source, target, i, j):
    target.ffn[j, -2:] = source.mean.ffn[i, -2:]


@strategy("written")
def written(source, target, i, j):
    source.mean.ffn[i] = target.ffn[j]


@strategy("of-target")
def of_target(source, target, i, j):
    target.ffn[j] = target.mean.ffn[i]


def test_what_cannot_be_is_one_line(llama):
    chosen = find_strategy("resid-mean-swap")
    refusals = {
        r"source.mean.ffn\[i, -2:\]: of several source prompts one token": several_tokens,
        "source is only read": written,
        "target.mean: source.mean alone is there": of_target,
        r"source.mean.resid_post\[i\] is the mean over several source prompts, and": chosen,
    }
    for said, one in refusals.items():
        with pytest.raises(XTransplantError, match=said) as error:
            score(llama, EXAMPLE, one, PAIRS, packing=SHARED)
        assert "\n" not in str(error.value)
    elsewhere = load(tiny_checkpoint("llama"), backend=Dry())
    with pytest.raises(XTransplantError, match="--on dry gives no activations back"):
        score(elsewhere, SEVERAL, chosen, PAIRS, packing=SHARED)


def test_what_has_no_further_sources_is_the_item_it_was():
    # Runs of before are known by it.
    assert examples_digest([EXAMPLE]) == examples_digest([replace(EXAMPLE, sources=())])
    assert examples_digest([EXAMPLE]) != examples_digest([SEVERAL])
