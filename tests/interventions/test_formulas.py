"""Each built-in strategy's formula, against plain PyTorch hooks on the unchanged model."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from formulas import FORMULAS, at_place
from reference import continued_under, likelihood, read_lasts
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import find_strategy, load
from xtransplant.engine.ask.tokenise import candidate_ids, prompt_ids
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score
from xtransplant.engine.trace.greedy import end_ids
from xtransplant.packing import MASKED, ROWS, SHARED

PAIRS = [(0, 2), (2, 1), (1, 0)]
CANDIDATES = (" no", " the town hall")


@cache
def loaded(family):
    return load(tiny_checkpoint(family))


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
        acts = at_place(FORMULAS[text](read, i, j), last)
        after = continued_under(module, acts, target, ids)
        wanted.append([likelihood(*pair) for pair in zip(after, ids, strict=True)])
    plain = continued_under(module, [], target, ids)
    found = score(model, example, find_strategy(text), PAIRS, packing=SHARED)
    np.testing.assert_allclose(found.logprobs, wanted, atol=1e-4)
    vanilla = [likelihood(*pair) for pair in zip(plain, ids, strict=True)]
    np.testing.assert_allclose(found.vanilla, vanilla, atol=1e-4)
    assert (np.abs(found.logprobs - found.vanilla).max(1) > 1e-3).all()  # each pair does something
    assert torch.isfinite(torch.tensor(wanted)).all()


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
@pytest.mark.parametrize("site", ["attn", "resid_post"])
def test_the_last_tokens_are_moved_one_by_one(family, site):
    model, n_new = loaded(family), 4
    module = model.module
    source, target = (prompt_ids(model, one) for one in (EXAMPLE.source, EXAMPLE.target))
    ids = candidate_ids(model, EXAMPLE.target, target, EXAMPLE.candidates)
    chosen = find_strategy("span-swap").with_options({"site": site, "last": 3})
    wanted, texts = [], []
    for i, j in PAIRS:
        # What stands at an earlier token does not depend on those that follow.
        values = [
            read_lasts(module, source[: len(source) - k], [(site, i)])[site, i] for k in range(3)
        ]

        def write(rows, values=values):
            for k, value in enumerate(values):
                rows[:, len(target) - 1 - k] = value

        after = continued_under(module, [(site, j, write)], target, ids)
        wanted.append([likelihood(*pair) for pair in zip(after, ids, strict=True)])
        said = []
        while len(said) < n_new and not (said and said[-1] in end_ids(model)):
            (follows,) = continued_under(module, [(site, j, write)], target, [said])
            said.append(int(follows[-1].argmax()))
        texts.append(tuple(said))
    for packing in (SHARED, MASKED, ROWS):
        found = score(model, EXAMPLE, chosen, PAIRS, packing=packing)
        np.testing.assert_allclose(found.logprobs, wanted, atol=1e-4)
        made = generate(model, EXAMPLE, chosen, PAIRS, packing=packing, max_new_tokens=n_new)
        assert made.token_ids == tuple(texts)
    assert (np.abs(found.logprobs - found.vanilla).max(1) > 1e-3).all()
