"""Each fitted strategy's formula against plain hooks: scores and texts, in every packing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from fits_made import ready
from reference import continued_under, likelihood
from safetensors.torch import load_file
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import load
from xtransplant.engine.ask.tokenise import candidate_ids, prompt_ids
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score
from xtransplant.engine.trace.greedy import end_ids
from xtransplant.packing import MASKED, ROWS, SHARED

PAIRS = [(0, 2), (1, 1), (2, 0)]
N_NEW = 5
IN_TWO = replace(EXAMPLE, source_lang="en", target_lang="sw")


def every(change):
    """Change every token, of the prompt and of what follows it."""
    return lambda rows, last: rows.copy_(change(rows))


def at_the_last(change):
    def act(rows, last):
        rows[:, last] = change(rows[:, last])

    return act


def from_the_last(change):
    """Change the prompt's last token and what follows it."""

    def act(rows, last):
        rows[:, last:] = change(rows[:, last:])

    return act


def subspace(fit, i, j):
    def project(rows, layer):
        return rows @ fit["basis"][layer].T @ fit["basis"][layer]

    return [
        ("resid_post", j, every(lambda rows: rows - 0.5 * project(rows, j))),
        ("resid_post", 3, every(lambda rows: rows + 0.25 * project(rows, 3))),
    ]


def sparse(fit, i, j):
    keep, put = fit["keep/sw"][j], fit["put/sw"][j]
    return [("resid_post", j, every(lambda rows: rows * keep + 2.0 * put))]


def two(fit, i, j):
    return [
        ("resid_post", i, every(lambda rows: rows + 0.5 * fit["vector/en"][i])),
        ("resid_post", j, every(lambda rows: rows + fit["vector/sw"][j])),
    ]


def incline(fit, i, j):
    return [("ffn", j, at_the_last(lambda rows: rows + 0.5 * (rows @ fit["map/sw"][j].T - rows)))]


def of_attention(fit, i, j):
    """What attention of layers i - 1 and i added; of layer 0 alone, where i is 0."""
    sums, first = torch.cat([torch.zeros(1, 48), fit["sum/en"]]), max(i - 1, 0)
    return [("resid_post", j, from_the_last(lambda rows: rows + 0.5 * (sums[i + 1] - sums[first])))]


def lape(fit, i, j):
    return [("neurons", j, every(lambda rows: rows * fit["keep/sw"][j]))]


def lape_at_the_mean(fit, i, j):
    keep, put = fit["keep/sw"][j], fit["put/sw"][j]
    return [("neurons", j, every(lambda rows: rows.where(keep == 1, put)))]


def heads(fit, i, j):
    mask = 1 - 0.75 * fit["chosen/sw"][j].flatten()
    return [("head", j, every(lambda rows: rows * mask))]


def culture(fit, i, j):
    return [("resid_post", j, every(lambda rows: rows + 2.0 * fit["vector/sw"][j]))]


def discriminants(fit, i, j):
    shift = fit["vector/sw"][j] - fit["vector/en"][j]
    return [("resid_post", j, every(lambda rows: rows + 3.0 * shift))]


def shortcut(place):
    """The stream after layer j, mapped, where the last layer ends; at which tokens, place says."""

    def formula(fit, i, j):
        seen = []

        def write(rows, last):
            at = place(last)
            rows[:, at] = seen[-1][:, at] @ fit["map"][j].T

        return [("resid_post", j, lambda rows, last: seen.append(rows.clone())),
                ("resid_post", 3, write)]  # fmt: skip

    return formula


FORMULAS = {
    "shortcut-map": ({}, shortcut(lambda last: slice(last, last + 1))),
    "shortcut-map(when=all)": ({"when": "all"}, shortcut(lambda last: slice(last, None))),
    "itlc": ({"alpha": 3.0}, discriminants),
    "cultural-vector": ({"alpha": 2.0}, culture),
    "head-mask": ({"factor": 0.25}, heads),
    "function-vector": ({"alpha": 0.5, "width": 2}, of_attention),
    "lape": ({}, lape),
    "lape(to=mean)": ({"to": "mean"}, lape_at_the_mean),
    "language-subspace": ({"strength": 0.5, "back": 0.25}, subspace),
    "sparse-dims": ({"scale": 2.0}, sparse),
    "two-vectors": ({"alpha": 0.5}, two),
    "incline": ({"strength": 0.5}, incline),
}


@cache
def loaded(family):
    return load(tiny_checkpoint(family))


@cache
def prepared(family, name):
    """A model, a strategy with its options and a fit, and its formula's acts at each pair."""
    model, (options, formula) = loaded(family), FORMULAS[name]
    chosen = ready(model, name.partition("(")[0]).with_options(options)
    fit = load_file(Path(chosen.fit.path) / "fit.safetensors")
    last = len(prompt_ids(model, IN_TWO.target)) - 1
    acts = [
        [(site, layer, partial(run, act, last)) for site, layer, act in formula(fit, i, j)]
        for i, j in PAIRS
    ]
    return model, chosen, acts


def run(act, last, rows):
    act(rows, last)


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
@pytest.mark.parametrize("name", FORMULAS)
def test_it_does_what_its_formula_says(family, name):
    model, chosen, acts = prepared(family, name)
    target = prompt_ids(model, IN_TWO.target)
    ids = candidate_ids(model, IN_TWO.target, target, IN_TWO.candidates)
    wanted = []
    for own in acts:
        after = continued_under(model.module, own, target, ids)
        wanted.append([likelihood(*pair) for pair in zip(after, ids, strict=True)])
    for packing in (SHARED, MASKED, ROWS):
        found = score(model, IN_TWO, chosen, PAIRS, packing=packing)
        np.testing.assert_allclose(found.logprobs, wanted, atol=2e-4)
    assert (np.abs(found.logprobs - found.vanilla).max(1) > 1e-3).all()


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
@pytest.mark.parametrize("name", FORMULAS)
def test_texts_are_those_of_its_formula(family, name):
    model, chosen, acts = prepared(family, name)
    target, ends = prompt_ids(model, IN_TWO.target), end_ids(model)
    wanted = []
    for own in acts:
        said = []
        while len(said) < N_NEW and not (said and said[-1] in ends):
            (follows,) = continued_under(model.module, own, target, [said])
            said.append(int(follows[-1].argmax()))
        wanted.append(tuple(said))
    for packing in (SHARED, MASKED, ROWS):
        found = generate(model, IN_TWO, chosen, PAIRS, packing=packing, max_new_tokens=N_NEW)
        assert found.token_ids == tuple(wanted), packing
