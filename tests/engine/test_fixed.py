"""Tensors that are there before the run: added, written, multiplied with, mapped and projected."""

import numpy as np
import pytest
import torch
from reference import hook_point
from tiny import EXAMPLE, allowed, tiny_checkpoint

from xtransplant import XTransplantError, apply, load, strategy
from xtransplant.engine.ask.cost import estimate_cost
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import Variants, record_variants
from xtransplant.engine.compile.calls import OneCall, group_calls
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score
from xtransplant.engine.verify import packing_for
from xtransplant.packing import MASKED, ROWS, SHARED, Packing
from xtransplant.strategies import Applied, fixed

WAYS = (ROWS, MASKED, Packing(growing=True), Packing(shared_prefix=True), SHARED)
PAIRS = [(0, 1), (2, 0), (3, 3), (1, 2)]
WIDTH, HEAD = 48, 12


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


VECTORS, MASK = numbers(4, WIDTH), (numbers(WIDTH) > 0).float()
MAP = numbers(WIDTH, WIDTH) / WIDTH**0.5
BASIS = torch.linalg.qr(numbers(WIDTH, 3))[0].T.contiguous()
OF_HEAD = numbers(HEAD)


@strategy("steer")
def steer(source, target, i, j):
    target.resid_post[j, :] = target.resid_post[j, :] + 2 * fixed(VECTORS[j], "v[j]")


@strategy("steer-mid")
def steer_mid(source, target, i, j):
    target.resid_mid[j, -3:] = target.resid_mid[j, -3:] + fixed(VECTORS[i], "v[i]")
    target.head(1)[j] = 3 * fixed(OF_HEAD, "h")


@strategy("masked")
def masked(source, target, i, j):
    target.ffn[j, -2:] = target.ffn[j, -2:] * fixed(MASK, "mask") + source.ffn[i] * 0.5


@strategy("mapped")
def mapped(source, target, i, j):
    matrix = fixed(MAP, "map")
    once = matrix @ target.resid_mid[j, -2:]
    target.resid_mid[j, -2:] = once - 0.3 * (matrix @ (once + source.resid_pre[i]))


@strategy("projected")
def projected(source, target, i, j):
    basis = fixed(BASIS, "basis")
    target.resid_post[j, :] = target.resid_post[j, :] - basis.project(target.resid_post[j, :])


@strategy("renormed")
def renormed(source, target, i, j):
    def renorm(rows, shift):
        moved = rows + shift
        return moved * rows.norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True)

    target.resid_post[j] = apply(renorm, target.resid_post[j], 5 * fixed(VECTORS[j], "v[j]"))


ALL = (steer, steer_mid, masked, mapped, projected, renormed)


@pytest.mark.any_dtype
@pytest.mark.parametrize("chosen", ALL, ids=str)
def test_every_packing_equals_one_variant_per_row(llama, chosen):
    by_row, *packed = (score(llama, EXAMPLE, chosen, PAIRS, packing=packing) for packing in WAYS)
    most = allowed(llama, 1e-4)
    for found in packed:
        assert np.abs(found.logprobs - by_row.logprobs).max() < most, found.packing
        assert np.allclose(found.writes.written_norm, by_row.writes.written_norm, rtol=most)
    assert np.abs(by_row.logprobs - by_row.vanilla).max(axis=1).min() > 1e-3
    if torch.finfo(llama.dtype).bits < 32:
        return  # near ties tip
    texts = [
        generate(llama, EXAMPLE, chosen, PAIRS, packing=packing, max_new_tokens=4)
        for packing in WAYS
    ]
    assert len({found.token_ids for found in texts}) == 1


def hooked(model, site, layer, change):
    """The target's next-token log-probabilities, a site's value changed by a plain hook."""
    module, ids = model.module, prompt_ids(model, EXAMPLE.target)

    def hook(_, args, output):
        value = output[0] if isinstance(output, tuple) else output
        value[0] = change(value[0].clone())

    handle = hook_point(module, site, layer).register_forward_hook(hook)
    with torch.no_grad():
        logits = module(input_ids=torch.tensor([ids])).logits[0, -1]
    handle.remove()
    return logits.log_softmax(-1).topk(5).values.numpy()


@pytest.mark.parametrize("family", ["llama", "gpt2", "granite"])
@pytest.mark.parametrize(
    ("chosen", "change"),
    [
        (steer, lambda rows, j: rows + 2 * VECTORS[j]),
        (projected, lambda rows, j: rows - rows @ BASIS.T @ BASIS),
    ],
    ids=["steer", "projected"],
)
def test_plain_hooks_give_the_same(family, chosen, change):
    model = load(tiny_checkpoint(family))
    found = score(model, EXAMPLE, chosen, PAIRS, packing=packing_for(model).packing)
    for (_, j), top in zip(PAIRS, found.top_logprobs, strict=True):
        wanted = hooked(model, "resid_post", j, lambda rows, j=j: change(rows, j))
        assert np.abs(top - wanted).max() < 1e-4


def test_a_map_is_the_matrix_times_each_row(llama):
    @strategy("map-only")
    def map_only(source, target, i, j):
        target.ffn[j, :] = fixed(MAP, "map") @ target.ffn[j, :]

    found = score(llama, EXAMPLE, map_only, PAIRS, packing=SHARED)
    for (_, j), top in zip(PAIRS, found.top_logprobs, strict=True):
        wanted = hooked(llama, "ffn", j, lambda rows: torch.stack([MAP @ row for row in rows]))
        assert np.abs(top - wanted).max() < 1e-4


def test_a_tensor_has_one_row_for_all_variants_and_is_counted(llama):
    variants = Variants.of(record_variants(llama, steer, [(i, 2) for i in range(4)]))
    assert variants.fixed_bytes == WIDTH * 4
    item = item_of(llama, EXAMPLE)
    none = Variants.of([()] * 4)
    assert none.fixed_bytes == 0
    large = Variants.of(record_variants(llama, mapped, [(0, 2)]))
    assert large.fixed_bytes == WIDTH * WIDTH * 4
    costs = [estimate_cost(llama, item, one, ROWS).fixed for one in (none, large)]
    assert costs[1] - costs[0] == WIDTH * WIDTH * 4


def test_calls_of_one_matrix_run_as_one_after_what_they_are_applied_to(llama):
    variants = Variants.of(record_variants(llama, mapped, [(0, 2), (1, 2)]))
    outer = [edits[0].value.terms for edits in variants.edits]
    applied = [term for terms in outer for _, term in terms if isinstance(term, Applied)]
    calls = [OneCall(one, [k], k) for k, one in enumerate(reversed(applied))]
    groups = group_calls(calls)
    assert sorted(len(group) for group in groups) == [2, 2]
    (first,), (own,) = next(iter(groups))[0].applied.arguments, applied[0].arguments
    assert first.key == own.key


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (numbers(WIDTH + 1), "target.ffn[j] is 48 wide and v is 49"),
        (numbers(2, 3, 4), "v has shape [2, 3, 4]"),
        (numbers(2, WIDTH), "v has shape [2, 48]: only @ and project take a matrix"),
        (torch.ones(WIDTH).long(), "v should be a tensor of floating-point numbers"),
        (torch.full((WIDTH,), torch.nan), "v holds numbers that are not finite"),
        ([1.0], "v should be a tensor"),
    ],
)
def test_what_cannot_be_written_is_refused_in_a_line(llama, values, words):
    @strategy("wrong")
    def wrong(source, target, i, j):
        target.ffn[j] = target.ffn[j] + fixed(values, "v")

    with pytest.raises(XTransplantError) as caught:
        score(llama, EXAMPLE, wrong, PAIRS, packing=SHARED)
    assert words in str(caught.value)
    assert "test_fixed.py line" in str(caught.value)


def test_a_head_takes_a_vector_of_its_width_alone(llama):
    @strategy("wide")
    def wide(source, target, i, j):
        target.head(0)[j] = fixed(VECTORS[0], "v")

    with pytest.raises(XTransplantError, match="is 12 wide and v is 48"):
        score(llama, EXAMPLE, wide, PAIRS, packing=SHARED)


def test_it_prints_by_its_name_and_equals_what_holds_the_same():
    one, other = fixed(VECTORS[0], "a"), fixed(VECTORS[0].clone(), "b")
    assert one.key == other.key
    assert str(one - 0.5 * other) == "0.5 * a"
    assert fixed(VECTORS[1], "a").key != one.key
    assert str(fixed(MAP, "fit.map[j]") @ (one + 1)) == "fit.map[j] @ (a + 1)"


def test_a_matrix_takes_what_is_read(llama):
    for wrong in (
        lambda: fixed(BASIS, "b") @ fixed(VECTORS[0], "v"),
        lambda: fixed(MAP, "m") @ 2.0,
    ):
        with pytest.raises(XTransplantError, match=r"square matrix|is multiplied with"):
            wrong()
