"""Noise for what is read of the source: in every packing, and against plain hooks."""

import hashlib

import numpy as np
import pytest
import torch
from reference import continued, likelihood, read_last
from tiny import EXAMPLE

from xtransplant import strategy
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import record_variants
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.packing import MASKED, ROWS, SHARED, Packing
from xtransplant.strategies.noise import with_noise

WAYS = (ROWS, MASKED, Packing(growing=True), Packing(shared_prefix=True), SHARED)
PAIRS = [(0, 1), (2, 0), (3, 3), (1, 2)]


@strategy("plain-swap")
def plain_swap(source, target, i, j):
    target.attn[j] = source.attn[i]


@strategy("of-all-kinds")
def of_all_kinds(source, target, i, j):
    target.resid_mid[j, -2:] = 0.5 * target.resid_mid[j, -2:] + 0.5 * source.resid_mid[i, -2:]
    target.head(1)[j] = source.head(2)[i]


@strategy("at-every-step")
def at_every_step(source, target, i, j):
    target.during("all").ffn[j] = target.ffn[j] + source.ffn[i]


ALL = (plain_swap, of_all_kinds, at_every_step)


def variants_of(model, chosen):
    found = record_variants(model, chosen, PAIRS)
    return [with_noise(edits, f"e {pair}") for edits, pair in zip(found, PAIRS, strict=True)]


def ask(model, variants, packing, decoding=None):
    items, memory = [item_of(model, EXAMPLE)], MemoryBudget.of(model, 2**28)
    some = {"packing": packing, "memory": memory, "sources": Sources()}
    if decoding is None:
        (found,) = score_items(model, items, variants, top_k=1, **some)
    else:
        (found,) = generate_items(model, items, variants, decoding=decoding, **some)
    return found


def drawn(text, prompt, site, layer, span, head, norms):
    """The noise of a place, made anew: rows from the last to the first."""
    content = f"{text}\n{(prompt, site, layer, span, head)}".encode()
    seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> 1
    dice, width = torch.Generator().manual_seed(seed), norms.shape[-1]
    found = [torch.randn(width, generator=dice) for _ in range(len(norms))][::-1]
    rows = zip(found, norms.norm(dim=-1), strict=True)
    return torch.stack([one / one.norm() * norm for one, norm in rows])


@pytest.mark.parametrize("chosen", ALL, ids=str)
def test_every_packing_gives_the_same_numbers(llama, chosen):
    variants = variants_of(llama, chosen)
    by_row, *packed = (ask(llama, variants, packing) for packing in WAYS)
    for found in packed:
        assert np.abs(found.logprobs - by_row.logprobs).max() < 1e-4
    assert np.abs(by_row.logprobs - by_row.vanilla).max(axis=1).min() > 1e-3
    texts = [ask(llama, variants, packing, Decoding(4)).outputs for packing in WAYS]
    assert all(found == texts[0] for found in texts)


@pytest.mark.parametrize("packing", [ROWS, SHARED], ids=str)
def test_a_swap_of_noise_is_what_plain_hooks_say(llama, packing):
    found, item = ask(llama, variants_of(llama, plain_swap), packing), item_of(llama, EXAMPLE)
    plain = llama.nn._module
    for number, (i, j) in enumerate(PAIRS):
        read = read_last(plain, item.source, "attn", i)
        noise = drawn(f"e {(i, j)}", "source", "attn", i, "-1", None, read[None])[0]
        logprobs = continued(plain, "attn", j, noise, item.target, item.target_candidates)
        for place, (one, ids) in enumerate(zip(logprobs, item.target_candidates, strict=True)):
            assert abs(found.logprobs[number][place] - likelihood(one, ids)) < 1e-4
        assert abs(found.writes.written_norm[number] - float(read.norm())) < 1e-3
