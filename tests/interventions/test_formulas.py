"""Each built-in strategy's formula, against plain PyTorch hooks on the unchanged model."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from reference import continued_under, likelihood, read_lasts
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import find_strategy, load
from xtransplant.engine.ask.tokenise import candidate_ids, prompt_ids
from xtransplant.engine.score import score
from xtransplant.packing import SHARED

PAIRS = [(0, 2), (2, 1), (1, 0)]
CANDIDATES = (" no", " the town hall")


@cache
def loaded(family):
    return load(tiny_checkpoint(family))


def put(value, at=-1):
    """Write a value over a token; no value: what stands there is lost."""

    def act(rows, place):
        rows[:, place + 1 + at] = 0.0 if value is None else value

    return act


def add(value):
    def act(rows, place):
        rows[:, place] += value

    return act


def band(read, i, j):
    return [("ffn", j + k, put(read("ffn", i + k))) for k in range(2)]


def both(read, i, j):
    return [(site, j, put(read(site, i))) for site in ("attn", "ffn")]


FORMULAS = {
    "band-swap": band,
    "band-swap(site=attn, width=1)": lambda read, i, j: [("attn", j, put(read("attn", i)))],
    "attn-ffn-swap": both,
    "attn-swap + ffn-swap": both,
    "ffn-add(scale=0.5)": lambda read, i, j: [("resid_post", j, add(0.5 * read("ffn", i)))],
    "patchscope(token=3)": lambda read, i, j: [("resid_post", j, put(read("resid_post", i), -3))],
    "ablate": lambda read, i, j: [("ffn", j, put(None))],
    "ablate(site=attn)": lambda read, i, j: [("attn", j, put(None))],
    "attn-swap + blend(site=resid_post, weight=0.25)": lambda read, i, j: [
        ("attn", j, put(read("attn", i))),
        ("resid_post", j, weigh(0.25, read("resid_post", i))),
    ],
}


def weigh(weight, value):
    def act(rows, place):
        rows[:, place] = (1 - weight) * rows[:, place] + weight * value

    return act


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
@pytest.mark.parametrize("text", FORMULAS)
def test_it_does_what_its_formula_says(family, text):
    model = loaded(family)
    example = EXAMPLE.__class__(EXAMPLE.source, EXAMPLE.target, CANDIDATES, CANDIDATES[0])
    source, target = (prompt_ids(model, one) for one in (example.source, example.target))
    ids = candidate_ids(model, example.target, target, CANDIDATES)
    module, last = model.module, len(target) - 1

    def read(site, layer):
        return read_lasts(module, source, [(site, layer)])[site, layer]

    wanted = []
    for i, j in PAIRS:
        acts = [
            (site, layer, lambda rows, act=act: act(rows, last))
            for site, layer, act in FORMULAS[text](read, i, j)
        ]
        after = continued_under(module, acts, target, ids)
        wanted.append([likelihood(*pair) for pair in zip(after, ids, strict=True)])
    plain = continued_under(module, [], target, ids)
    found = score(model, example, find_strategy(text), PAIRS, packing=SHARED)
    np.testing.assert_allclose(found.logprobs, wanted, atol=1e-4)
    vanilla = [likelihood(*pair) for pair in zip(plain, ids, strict=True)]
    np.testing.assert_allclose(found.vanilla, vanilla, atol=1e-4)
    assert (np.abs(found.logprobs - found.vanilla).max(1) > 1e-3).all()  # each pair does something
    assert torch.isfinite(torch.tensor(wanted)).all()
