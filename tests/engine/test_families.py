"""Every family against plain hooks: scores within 1e-4 nats, generations token for token."""

import re
from pathlib import Path

import numpy as np
import pytest
from family_cases import CANDIDATES, HEAD, NORMED, cases, prompts, swap
from reference import continued, likelihood, read_lasts, reference_generate
from tiny import FAMILY_NAMES, N_LAYERS, WINDOWED, WRAPPERS, allowed, tiny_checkpoint

from xtransplant import load, verify_packing
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.hybrid_table import HYBRIDS
from xtransplant.model.model import Window
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

# What cannot share all: attention that does not go through transformers' interface or is computed
# twice with it, a decoder that puts its input's shape back at its end, an indexer that reads the
# mask, distances counted in columns.
SLOWER = {
    "axk2": Packing(growing=True),
    "bloom": ROWS,
    "codegen": MASKED,
    "deepseek_v32": Packing(growing=True),
    "diffllama": Packing(growing=True),
    "falcon": Packing(growing=True),
    "glm_moe_dsa": ROWS,
    "gpt2": Packing(shared_prefix=True),
    "gpt_bigcode": Packing(shared_prefix=True),
    "gpt_neo": ROWS,
    "gptj": MASKED,
    "mpt": ROWS,
    "xglm": Packing(growing=True),
}
COUNT_COLUMNS = {"bloom", "gpt_neo", "mpt"}
N_NEW = 4
# What people load first, and one of each way of packing and of each thing a table can say; the
# others are the slow step's.
QUICK = {
    "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe", "gemma2", "gemma3_text", "phi3",
    "opt", "gpt_neox", "cohere2", "olmo2", "glm4", "gpt_oss", "deepseek_v3", "apertus",
    "axk2", "bloom", "falcon", "gpt2", "gptj", "deepseek_v32", "minicpm3", "llama4_text",
}  # fmt: skip


@pytest.mark.any_dtype
@pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in FAMILY_NAMES],
)
def test_family_equals_plain_hooks(family):
    model = load(tiny_checkpoint(family))  # checks the sites
    assert_is_described(model, family)
    check = verify_packing(model)
    # At half precision rounding sends a token to another expert, and a slower way is taken.
    assert check.half or check.packing == SLOWER.get(family, SHARED), check
    ways = {check.packing, Packing(growing=check.packing.growing), MASKED, ROWS}
    if check.half or not check.packing.together:
        ways = {check.packing}
    source, target = prompts()
    tried = cases(model)
    variants = [swap(site).edits(shape_of(model), i, j) for site, i, j in tried]
    item = Item(source, target, CANDIDATES, CANDIDATES)
    scores = {way: next(score_items(model, [item], variants, packing=way)) for way in ways}
    said = {
        way: next(
            generate_items(model, [item], variants, packing=way, decoding=Decoding(N_NEW))
        ).token_ids
        for way in {check.packing, MASKED if check.packing.together else ROWS}
        if not check.half  # near ties tip
    }
    read = read_lasts(model.module, source, [(site, i) for site, i, _ in tried])
    for n, (site, i, j) in enumerate(tried):
        texts = [*CANDIDATES, *(list(ids[n]) for ids in said.values())]
        head = HEAD if site == "head" else None
        after = continued(model.module, site, j, read[site, i], target, texts, head)
        for way, found in scores.items():
            for k, candidate in enumerate(CANDIDATES):
                error = abs(found.logprobs[n, k] - likelihood(after[k], candidate))
                assert error < allowed(model, 1e-4), (site, i, j, way)
        for way, ids in zip(said, texts[len(CANDIDATES) :], strict=True):
            likeliest = after[texts.index(ids)].argmax(-1).tolist()
            assert likeliest[: len(ids)] == ids, (site, i, j, way)
            assert len(ids) == N_NEW or ids[-1] == model.tokenizer.eos_token_id
        change = scores[check.packing].logprobs[n] - scores[check.packing].vanilla
        assert np.abs(change).max() > 1e-3, "the transplant must matter"
    site, i, j = tried[0]
    for ids in said.values():  # and with the model's own cache
        assert list(ids[0]) == reference_generate(model.module, site, source, target, i, j, N_NEW)


def assert_is_described(model, family):
    assert model.n_layers == N_LAYERS
    assert (model.d_model, model.n_heads, model.head_dim) == (48, 4, 12)
    assert ("resid_mid" in model.sites) == (not model.parallel)
    assert ({"attn_raw", "ffn_raw"} <= set(model.sites)) == (family in NORMED)
    assert bool(model.unpackable) == (family in COUNT_COLUMNS)
    assert any(one != Window() for one in model.windows.values()) == (family in WINDOWED)
    assert not model.module.training
    assert not any(parameter.requires_grad for parameter in model.module.parameters())


def test_every_family_of_the_table_is_tried_and_is_in_the_document():
    assert set(FAMILIES) - set(HYBRIDS) == {*FAMILY_NAMES, *WRAPPERS}  # test_hybrids has the others
    page = (Path(__file__).parents[2] / "docs" / "families.md").read_text()
    for family, table in FAMILIES.items():
        if family in HYBRIDS:
            continue
        packing = SLOWER.get(family, SHARED)
        shown = f"as {WRAPPERS[family]}" if family in WRAPPERS else packing
        assert f"\n| {family} | {table.summary} | {shown} |" in page, "python -m tests.family_table"
    assert len(re.findall(r"^\| .* \| .* of \d+ \|$", page, re.MULTILINE)) == len(FAMILY_NAMES)
