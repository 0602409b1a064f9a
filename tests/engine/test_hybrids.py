"""Families with several kinds of layers against plain hooks: scores, and texts token for token."""

from itertools import product

import hybrid_reference as plain
import numpy as np
import pytest
from family_cases import CANDIDATES, prompts, swap
from tiny import HYBRID_NAMES, N_LAYERS, allowed, tiny_checkpoint

from xtransplant import load, verify_packing
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import existing_pairs, shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.model.hybrid_table import HYBRIDS
from xtransplant.packing import MASKED, ROWS, SHARED

PAIRS = [(0, 0), (1, 2), (2, 1), (0, 3), (3, 0)]
SITES = ("attn", "ffn", "resid_post", "neurons", "keys", "values")
# Their layers have no state but keys and values.
PACKED = {"gemma3n_text", "gemma4_text", "gemma4_unified_text"}
LACKS = {
    "gemma3n_text": ("resid_post",),
    "granitemoehybrid": ("neurons",),  # experts beside them
    "kimi_linear": ("keys", "values"),  # latent
    "qwen3_5_moe_text": ("neurons",),
    "qwen3_next": ("neurons",),
}
N_NEW = 5
# The others are the slow step's.
QUICK = {"falcon_h1", "gemma4_text", "qwen3_5_text"}


@pytest.mark.any_dtype
@pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in HYBRID_NAMES],
)
def test_hybrid_equals_plain_hooks(family):
    model = load(tiny_checkpoint(family))  # checks the sites
    assert model.n_layers == N_LAYERS
    check = verify_packing(model)
    assert check.half or check.packing == (SHARED if family in PACKED else ROWS), check
    source, target = prompts()
    item = Item(source, target, CANDIDATES, CANDIDATES)
    for site in SITES:
        there, chosen = model.layers_with(site), swap(site)
        assert there or site in LACKS.get(family, ())
        pairs = PAIRS if len(there) == N_LAYERS else list(product(there, there))
        if there:  # keys of two layers may not be equally wide
            pairs = existing_pairs(model, chosen, pairs).pairs
        variants = [chosen.edits(shape_of(model), i, j) for i, j in pairs]
        values = {i: plain.read(model.module, source, site, i) for i in there}
        expected = np.array(
            [plain.scores(model.module, site, target, j, values[i], CANDIDATES) for i, j in pairs]
        )
        for way in {check.packing, ROWS, MASKED if family in PACKED else ROWS} if pairs else ():
            found = next(score_items(model, [item], variants, packing=way))
            assert np.abs(found.logprobs - expected).max() < allowed(model, 1e-4), (site, way)
            assert np.abs(expected - found.vanilla).max() > 1e-2, "the transplants must matter"
            if check.half:
                continue  # near ties tip
            decoding = Decoding(N_NEW)
            texts = next(generate_items(model, [item], variants, packing=way, decoding=decoding))
            for (i, j), ids in zip(pairs, texts.token_ids, strict=True):
                said = plain.generate(model.module, site, target, j, values[i], N_NEW)
                assert list(ids) == said, (site, i, j, way)


def test_every_hybrid_of_the_table_is_tried():
    # The others are wrappers of these; tests/model loads all but gemma3n, whose eyes are timm's.
    wrappers = {"gemma3n", "gemma4", "gemma4_unified", "qwen3_5", "qwen3_5_moe"}
    assert set(HYBRIDS) - wrappers == set(HYBRID_NAMES)
