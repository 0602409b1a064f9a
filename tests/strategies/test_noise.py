"""Noise in the place of what is read of a source."""

import torch

from xtransplant import apply, find_strategy, strategy
from xtransplant.strategies import Shape
from xtransplant.strategies.noise import noise_like, noise_seed, with_noise


def test_rows_have_the_norms_of_others_and_other_directions():
    rows = torch.randn(5, 64) * torch.tensor([1e-3, 1.0, 7.0, 1e3, 0.0])[:, None]
    found = noise_like(3, rows)
    assert torch.allclose(found.norm(dim=-1), rows.norm(dim=-1), rtol=1e-5)
    assert torch.equal(found, noise_like(3, rows))
    units = torch.nn.functional.normalize(found[:4], dim=-1)
    between = units @ units.T - torch.eye(4)
    assert between.abs().max() < 0.5
    assert not torch.allclose(found, noise_like(4, rows))


def test_the_last_token_has_its_noise_alone_or_with_others():
    rows = torch.randn(4, 32)
    assert torch.allclose(noise_like(9, rows)[-1:], noise_like(9, rows[-1:]))


def test_it_is_gaussian():
    found = noise_like(1, torch.ones(200, 512)).flatten()
    assert abs(found.mean()) < 0.02
    assert abs(found.std() - 1) < 0.02
    assert abs((found**4).mean() - 3) < 0.1


def test_only_what_is_read_of_the_source_is_noise_and_one_read_is_one_noise():
    @strategy("mixed")
    def mixed(source, target, i, j):
        target.ffn[j] = 0.5 * source.ffn[i] + apply(torch.tanh, target.ffn[j] - source.ffn[i])
        target.attn[j] = source.ffn[i] - source.attn[i]

    plain = mixed.edits(Shape(4, 4), 1, 2)
    found = with_noise(plain, "one")
    assert [str(edit) for edit in found] == [
        str(edit)
        .replace("source.ffn[i]", "noise(source.ffn[i])")
        .replace("source.attn[i]", "noise(source.attn[i])")
        for edit in plain
    ]
    assert {read for edit in found for read in edit.value.reads()} == {
        read for edit in plain for read in edit.value.reads()
    }
    same = {term for _, term in found[0].value.terms} & {term for _, term in found[1].value.terms}
    assert len(same) == 1


def test_the_seed_is_of_the_text_and_the_place():
    edits = [
        find_strategy(name).edits(Shape(4, 4), i, j)[0].value.reads()[0]
        for name, i, j in (("attn-swap", 1, 2), ("ffn-swap", 1, 2), ("attn-swap", 2, 2))
    ]
    seeds = {noise_seed(text, read) for text in ("a", "b") for read in edits}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)
