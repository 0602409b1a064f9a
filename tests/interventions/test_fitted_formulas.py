"""Each fitted strategy: what is fitted from given numbers, and its formula against plain hooks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from fits_made import Numbers, ready
from reference import continued_under, likelihood
from safetensors.torch import load_file
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load
from xtransplant.engine.ask.tokenise import candidate_ids, prompt_ids
from xtransplant.engine.capture import pool
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score
from xtransplant.engine.trace.greedy import end_ids
from xtransplant.packing import MASKED, ROWS, SHARED
from xtransplant.strategies.fit import BoundFit

PAIRS = [(0, 2), (1, 1), (2, 0)]
N_NEW = 5
IN_TWO = replace(EXAMPLE, source_lang="en", target_lang="sw")
NUMBERS = Numbers(4, 48)


def fitted(name, **options):
    return find_strategy(name).fitting.function(NUMBERS, **options)


def test_the_subspace_is_that_of_the_differences_of_means():
    (basis,) = fitted("language-subspace").values()
    means = torch.stack([NUMBERS.mean(lang) for lang in NUMBERS.languages])
    for layer, rows in enumerate(basis):
        assert torch.allclose(rows @ rows.T, torch.eye(2), atol=1e-5)
        apart = means[0, layer] - means[2, layer]
        assert torch.allclose(rows.T @ (rows @ apart), apart, atol=1e-4)


def test_the_dimensions_are_those_of_the_largest_differences():
    found = fitted("sparse-dims", dims=3)
    means = {lang: NUMBERS.mean(lang) for lang in NUMBERS.languages}
    apart = (means["sw"] - (means["en"] + means["hi"]) / 2).abs()
    for layer in range(4):
        chosen = (found["keep"]["sw"][layer] == 0).nonzero().flatten().tolist()
        assert sorted(chosen) == sorted(apart[layer].argsort(descending=True)[:3].tolist())
        assert torch.equal(found["put"]["sw"][layer][chosen], means["sw"][layer][chosen])
        assert found["put"]["sw"][layer].count_nonzero() == 3


def test_the_map_is_that_of_least_squares():
    for lang, maps in fitted("incline")["map"].items():
        for layer, matrix in enumerate(maps):
            own, to = (rows.double().numpy() for rows in NUMBERS.pairs(lang, layer))
            wanted = np.linalg.lstsq(own, to, rcond=None)[0]
            np.testing.assert_allclose(matrix.T.numpy(), wanted, atol=1e-4)


def test_the_vector_of_a_function_is_what_attention_brings():
    for lang, sums in fitted("function-vector")["sum"].items():
        brought = NUMBERS.mean(lang)
        for layer in range(4):
            torch.testing.assert_close(sums[layer], sum(brought[: layer + 1]))


def test_the_heads_are_those_of_the_largest_differences():
    numbers = Numbers(3, 4, 12)
    find = find_strategy("head-mask").fitting.function
    means = {lang: numbers.mean(lang) for lang in numbers.languages}
    apart = (means["hi"] - (means["en"] + means["sw"]) / 2).square().sum(-1)  # [n_layers, n_heads]
    found = find(numbers, heads=2)["chosen"]["hi"]
    for layer in range(3):
        wanted = apart[layer] >= apart[layer].sort().values[2]
        assert torch.equal(found[layer], wanted[:, None].float().expand(4, 12))


def test_a_row_that_a_fit_has_not_is_refused():
    fit = BoundFit(ready(loaded("llama"), "head-mask").fit, ("en", "sw"))
    assert str(fit["chosen"]["target"][2, 3]) == "fit.chosen[target][2, 3]"
    with pytest.raises(XTransplantError, match=r"\[2, 4\]: there is no row 4, .* \[4, 12\]"):
        fit["chosen"]["target"][2, 4]
    fit = BoundFit(ready(loaded("llama"), "diff-means").fit, ("en", "sw"))
    with pytest.raises(XTransplantError, match=r"there is no row 0, .* shape \[48\]"):
        fit["direction"]["target"][2, 0]


def test_the_vector_of_a_culture_is_the_mean_of_the_pairs_differences():
    for lang, vectors in fitted("cultural-vector")["vector"].items():
        for layer, vector in enumerate(vectors):
            plain, named = (rows.numpy() for rows in NUMBERS.pairs(lang, layer))
            np.testing.assert_allclose(vector, named.mean(0) - plain.mean(0), atol=1e-5)


class Shares(Numbers):
    def mean(self, lang):
        return super().mean(lang).sigmoid()


def test_the_neurons_are_those_of_the_lowest_entropy_over_languages():
    shares = Shares(3, 2, 20)
    find = find_strategy("lape").fitting.function
    both = find(shares, share=0.2, quantile=0.6)
    found = both["keep"]
    active = {lang: shares.mean(lang)[:, 0].numpy() for lang in shares.languages}
    often = np.sort(np.stack([*active.values()]).flatten())[int(0.6 * 179)]
    entropy = {}
    for place in np.ndindex(3, 20):
        p = np.array([own[place] for own in active.values()])
        if (p > often).any():
            q = p / p.sum()
            entropy[place] = -(q * np.log(q)).sum()
    chosen = sorted(entropy, key=entropy.get)[:12]
    for lang, own in active.items():
        off = {place for place in chosen if own[place] > often}
        assert {tuple(place) for place in (found[lang] == 0).nonzero().tolist()} == off
        means = shares.mean(lang)[:, 1]
        assert torch.equal(both["put"][lang], means.where(found[lang] == 0, torch.zeros(3, 20)))
    assert any((keep == 0).any() for keep in found.values())


@pytest.mark.parametrize("tokens", ["active", "active, mean"])
def test_shares_are_those_of_the_tokens_above_0(tokens):
    model = loaded("llama")
    found, seen = pool(model, EXAMPLE.target, "neurons", tokens=tokens), []
    for block in model.module.model.layers:
        block.mlp.down_proj.register_forward_pre_hook(lambda m, args: seen.append(args[0][0]))
    ids = torch.tensor([prompt_ids(model, EXAMPLE.target)])
    with torch.no_grad():
        model.module(ids)
    for block in model.module.model.layers:
        block.mlp.down_proj._forward_pre_hooks.clear()
    wanted = torch.stack([(rows > 0).float().mean(0) for rows in seen])
    if tokens == "active, mean":
        wanted = torch.stack([wanted, torch.stack([rows.mean(0) for rows in seen])], dim=1)
    torch.testing.assert_close(found, wanted)


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


FORMULAS = {
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
