"""What modules return before a norm: sites of their own where it differs, and none elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from reference import reference_scores
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, capture, find_strategy, load, strategy
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.score import score, score_items
from xtransplant.model.families import Place
from xtransplant.model.family_table import FAMILIES
from xtransplant.packing import ROWS, SHARED

PAIRS = [(0, 3), (2, 0), (3, 2)]


@pytest.mark.parametrize("family", ["gemma2", "glm4"])  # all: engine/test_families
@pytest.mark.parametrize("site", ["attn_raw", "ffn_raw"])
def test_a_raw_write_equals_plain_hooks_on_the_module(family, site):
    model = load(tiny_checkpoint(family))
    source, target = (prompt_ids(model, text) for text in (EXAMPLE.source, EXAMPLE.target))
    swap = find_strategy("blend").with_options({"site": site, "weight": 1.0})
    arriving = swap.with_options({"site": site.removesuffix("_raw")})
    candidates = [[7], [8, 9]]
    expected = [
        reference_scores(model.module, site, source, target, i, j, candidates) for i, j in PAIRS
    ]
    for packing in (SHARED, ROWS):
        found, other = (
            next(
                score_items(
                    model,
                    [Item(source, target, candidates, candidates)],
                    [chosen.edits(shape_of(model), i, j) for i, j in PAIRS],
                    packing=packing,
                )
            ).logprobs
            for chosen in (swap, arriving)
        )
        assert np.abs(found - np.array(expected)).max() < 1e-4, packing
        # The norm's weights differ between layers: what arrives is not what the module returned.
        assert np.abs(found - other).max() > 1e-2


def test_raw_outputs_are_captured_and_are_not_what_arrives():
    model = load(tiny_checkpoint("gemma3_text"))
    found = capture(model, EXAMPLE.source, ("attn_raw", "attn", "ffn_raw", "ffn"))
    block = model.module.model.layers[1]
    for raw, norm, site in (
        ("attn_raw", block.post_attention_layernorm, "attn"),
        ("ffn_raw", block.post_feedforward_layernorm, "ffn"),
    ):
        assert torch.allclose(norm(found[raw][1]), found[site][1], atol=1e-5)
        assert not torch.allclose(found[raw], found[site], atol=1e-2)


def test_the_norm_follows_a_raw_write_in_one_strategy():
    """attn, read after attn_raw was written, is the norm of what was written."""
    model = load(tiny_checkpoint("gemma2"))

    @strategy("raw-then-read")
    def raw_then_read(source, target, i, j):
        target.attn_raw[j] = source.attn_raw[i]
        target.ffn[j] = target.attn[j]

    @strategy("arriving")
    def arriving(source, target, i, j):
        target.attn[j] = source.attn[i]
        target.ffn[j] = source.attn[i]

    same = [(k, k) for k in range(4)]  # the same layer's norm
    found, expected = (
        score(model, EXAMPLE, chosen, same, packing=SHARED).logprobs
        for chosen in (raw_then_read, arriving)
    )
    assert np.abs(found - expected).max() < 1e-4


def test_elsewhere_the_error_says_why(llama):
    for site, words in (("attn_raw", "is attn"), ("ffn_raw", "is ffn")):
        chosen = find_strategy("blend").with_options({"site": site})
        with pytest.raises(XTransplantError, match=f"added as it is, so that it {words}"):
            score(llama, EXAMPLE, chosen, PAIRS, packing=SHARED)
    with pytest.raises(XTransplantError, match="no site 'attn_raw'"):
        capture(llama, "x", ("attn_raw",))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"attn_raw": Place("mlp")}, "site attn_raw"),
        ({"ffn_raw": Place("self_attn")}, "site ffn_raw"),
        ({"attn_raw": Place("input_layernorm")}, "site attn_raw"),
        ({"attn_raw": Place("post_attention_layernorm")}, "site resid_post"),
        ({"ffn_raw": Place("pre_feedforward_layernorm")}, "ffn is not its norm"),
        ({"ffn_raw": Place("mlp.up_proj")}, "site ffn_raw .* it holds"),
    ],
)
def test_a_wrong_raw_place_is_caught(changes, says):
    with pytest.raises(XTransplantError, match=says):
        load(tiny_checkpoint("gemma2"), family=replace(FAMILIES["gemma2"], **changes))


def test_a_table_from_a_file_may_name_them(tmp_path):
    table = tmp_path / "table.json"
    table.write_text(
        '{"layers": "model.layers", "attn": {"module": "post_attention_layernorm"},'
        '"ffn": {"module": "post_feedforward_layernorm"}, "attn_raw": {"module": "self_attn"},'
        '"head": {"module": "self_attn.o_proj", "side": "input"}, "windows": "by_layer_type"}'
    )
    sites = load(tiny_checkpoint("gemma2"), family=table).sites
    assert "attn_raw" in sites
    assert "ffn_raw" not in sites
