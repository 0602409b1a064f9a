"""Each fitted strategy: what is fitted from given numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fits_made import Numbers, ready
from scipy.linalg import eigh
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.capture import pool
from xtransplant.strategies.fit import BoundFit
from xtransplant.strategies.formula import writes_nothing_new

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


@pytest.mark.parametrize("name", ["itlc", "recover"])
def test_source_and_target_are_two_where_no_example_says_which(name):
    model = load(tiny_checkpoint("llama"))
    (edit,) = ready(model, name).edits(shape_of(model), 1, 1)
    assert "+ fit.vector[target][j] - fit.vector[source][j]" in str(edit)
    assert not writes_nothing_new([edit])


def test_a_row_that_a_fit_has_not_is_refused():
    fit = BoundFit(ready(load(tiny_checkpoint("llama")), "head-mask").fit, ("en", "sw"))
    assert str(fit["chosen"]["target"][2, 3]) == "fit.chosen[target][2, 3]"
    with pytest.raises(XTransplantError, match=r"\[2, 4\]: there is no row 4, .* \[4, 12\]"):
        fit["chosen"]["target"][2, 4]
    fit = BoundFit(ready(load(tiny_checkpoint("llama")), "diff-means").fit, ("en", "sw"))
    with pytest.raises(XTransplantError, match=r"there is no row 0, .* shape \[48\]"):
        fit["direction"]["target"][2, 0]


def test_the_vector_of_a_culture_is_the_mean_of_the_pairs_differences():
    for lang, vectors in fitted("cultural-vector")["vector"].items():
        for layer, vector in enumerate(vectors):
            plain, named = (rows.numpy() for rows in NUMBERS.pairs(lang, layer))
            np.testing.assert_allclose(vector, named.mean(0) - plain.mean(0), atol=1e-5)


def test_the_vectors_are_what_a_discriminant_analysis_and_back_leave_of_the_means():
    found = fitted("itlc", shrink=0.2)["vector"]
    for layer in range(4):
        rows = [NUMBERS.vectors(lang, layer).double().numpy() for lang in NUMBERS.languages]
        means = np.stack([own.mean(0) for own in rows])
        within = sum((own - own.mean(0)).T @ (own - own.mean(0)) for own in rows) / 15
        within = 0.8 * within + 0.2 * np.eye(48) * np.trace(within) / 48
        between = np.cov(means.T, bias=True)
        w = eigh(between, within)[1][:, -2:].T  # the discriminants are the generalised eigenvectors
        for lang, mean in zip(NUMBERS.languages, means, strict=True):
            np.testing.assert_allclose(found[lang][layer], np.linalg.pinv(w) @ w @ mean, atol=1e-4)


def test_the_shortcut_is_that_of_least_squares_with_a_ridge():
    (maps,) = fitted("shortcut-map", ridge=0.05).values()
    rows = [
        np.concatenate(
            [NUMBERS.vectors(lang, layer).double().numpy() for lang in NUMBERS.languages]
        )
        for layer in range(4)
    ]
    for own, found in zip(rows, maps, strict=True):
        # As rows of their own: each costs what the ridge weighs it by.
        weight = np.sqrt(0.05 * np.square(own).sum() / len(own))
        x = np.concatenate([own, weight * np.eye(48)])
        y = np.concatenate([rows[3], np.zeros((48, 48))])
        np.testing.assert_allclose(found.T, np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-5)


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
    model = load(tiny_checkpoint("llama"))
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
