"""What is measured of every write: the norms of what is written and replaced, and their cosine."""

import numpy as np
import pytest
import raw_cases
import torch
from reference import read_last
from tiny import EXAMPLE, GOLDEN, tiny_checkpoint

from xtransplant import find_strategy, load, strategy
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import record_variants
from xtransplant.engine.generate import generate, generate_items
from xtransplant.engine.outcome import Writes
from xtransplant.engine.score import score, score_items
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

TOGETHER = (SHARED, Packing(shared_prefix=True), Packing(growing=True), MASKED)
PAIRS = [(i, j) for i in range(4) for j in range(4)]


@strategy("many-writes")
def many_writes(source, target, i, j):
    """Several edits, not in the order of the layers, of spans and of a head."""
    target.resid_post[3] = target.resid_post[3] + 0.3 * source.resid_pre[i]
    target.attn[j, -3:] = source.attn[i, -3:]
    target.head(1)[2] = source.head(0)[i]


@strategy("two-lengths")
def two_lengths(source, target, i, j):
    """As many writes as the target layer says."""
    target.ffn[j, -1 - j :] = 2.0 * target.ffn[j, -1 - j :]


def assert_same(one, other, tolerance=1e-4):
    assert one.counts.tolist() == other.counts.tolist()
    for name in ("written_norm", "replaced_norm", "cosine"):
        found, wanted = getattr(one, name), getattr(other, name)
        assert found.dtype == np.float32
        assert found.shape == (one.counts.sum(),)
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("site", ["attn", "ffn"])
@pytest.mark.parametrize("family", ["llama", "gemma3_text", "granite", "gpt2"])
def test_plain_hooks_measure_the_same(family, site):
    model = load(tiny_checkpoint(family))
    source, target = (prompt_ids(model, text) for text in (EXAMPLE.source, EXAMPLE.target))
    found = score(model, EXAMPLE, find_strategy(f"{site}-swap"), PAIRS, packing=ROWS).writes
    module = model.module
    written = [read_last(module, source, site, i) for i, _ in PAIRS]
    replaced = [read_last(module, target, site, j) for _, j in PAIRS]
    norms = [torch.stack(values).norm(dim=-1).numpy() for values in (written, replaced)]
    cosine = torch.cosine_similarity(torch.stack(written), torch.stack(replaced)).numpy()
    assert_same(found, Writes(np.ones(len(PAIRS), dtype=int), *norms, cosine))


@pytest.mark.parametrize("packing", TOGETHER, ids=str)
@pytest.mark.parametrize("family", ["llama", "gemma3_text", "gpt_oss"])
@pytest.mark.parametrize("name", ["attn-swap-official", "many-writes", "two-lengths"])
def test_packed_equals_one_variant_per_row(family, packing, name):
    model, pairs = load(tiny_checkpoint(family)), [(0, 1), (3, 3), (2, 0), (1, 2)]
    own = {"many-writes": many_writes, "two-lengths": two_lengths}
    asked = own.get(name) or find_strategy(name)
    rows = score(model, EXAMPLE, asked, pairs, packing=ROWS).writes
    per_variant = {"many-writes": [5] * 4, "two-lengths": [2, 4, 1, 3]}
    assert rows.counts.tolist() == per_variant.get(name, [1] * 4)
    assert_same(score(model, EXAMPLE, asked, pairs, packing=packing).writes, rows)
    texts = [
        generate(model, EXAMPLE, asked, pairs, packing=way, max_new_tokens=3).writes
        for way in (packing, ROWS)
    ]
    for found in texts:
        assert_same(found, rows)


def test_writes_stand_in_the_order_of_a_variants_edits(llama):
    found = score(llama, EXAMPLE, many_writes, [(1, 0)], packing=SHARED).writes
    apart = []

    @strategy("the-post")
    def post(source, target, i, j):
        target.attn[j, -3:] = source.attn[i, -3:]
        target.head(1)[2] = source.head(0)[i]

    apart = score(llama, EXAMPLE, post, [(1, 0)], packing=SHARED).writes
    # The residual stream at the last layer is the first edit, though it is written last.
    np.testing.assert_allclose(found.written_norm[1:], apart.written_norm, rtol=1e-5)
    assert found.counts.tolist() == [5]
    assert apart.counts.tolist() == [4]


def test_what_stays_the_same_and_what_has_no_direction(llama):
    @strategy("itself-and-nothing")
    def both(source, target, i, j):
        target.ffn[0] = target.ffn[0]
        target.attn[2] = 0.0

    found = score(llama, EXAMPLE, both, [(0, 0)], packing=SHARED).writes
    np.testing.assert_allclose(found.cosine[0], 1.0, rtol=1e-6)
    assert found.written_norm[0] == found.replaced_norm[0] > 0
    assert found.written_norm[1] == 0
    assert found.replaced_norm[1] > 0
    assert np.isnan(found.cosine[1])


def test_no_number_is_made_of_one_that_is_not_finite():
    measured = torch.tensor([[1.0, torch.inf, torch.nan, 2.0, 1e30], [1.0, 1.0, 1.0, 0.0, 1e30],
                             [0.5, torch.inf, torch.nan, 0.0, torch.inf]])  # fmt: skip
    found = Writes.of(torch.tensor([3, 2]), measured)
    assert found.cosine[0] == 0.5
    assert np.isnan(found.cosine[1:]).all()


def test_neither_chunks_nor_other_examples_change_them(llama):
    ids = [list(range(3, 12)), list(range(20, 26)), list(range(40, 53))]
    items = [Item(one, one[::-1], [[5]], [[5], [6, 7]]) for one in ids]
    variants = record_variants(llama, many_writes, PAIRS)
    together = list(score_items(llama, items, variants, packing=SHARED))
    for item, found in zip(items, together, strict=True):
        scarce = MemoryBudget(1.0)
        alone = next(score_items(llama, [item], variants, packing=SHARED, memory=scarce))
        assert alone.forward_passes > len(PAIRS)
        assert_same(alone.writes, found.writes)
        text = next(
            generate_items(
                llama, [item], variants, packing=MASKED, memory=MemoryBudget(1.0),
                decoding=Decoding(max_new_tokens=2),
            )
        )  # fmt: skip
        assert_same(text.writes, found.writes)


def test_half_precision_is_measured_in_float32():
    model = load(GOLDEN / "llama", dtype="bfloat16")
    found = score(model, EXAMPLE, find_strategy("ffn-swap"), [(0, 1)], packing=SHARED).writes
    source = prompt_ids(model, EXAMPLE.source)
    wanted = read_last(model.module, source, "ffn", 0).float().norm()
    np.testing.assert_allclose(found.written_norm[0], wanted, rtol=5e-3)


def test_a_raw_strategy_writes_unseen(llama):
    raw = find_strategy(f"{raw_cases.__file__}:nearest-token")
    assert score(llama, EXAMPLE, raw, [(0, 1)], packing=SHARED).writes is None
    assert generate(llama, EXAMPLE, raw, [(0, 1)], packing=SHARED).writes is None
