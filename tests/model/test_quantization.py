"""Weights in 4 or 8 bits: refused where they cannot be had, and where they can, held to hooks."""

import pytest
from family_cases import CANDIDATES, HEAD, cases, prompts, swap
from gguf_made import write_gguf
from reference import continued, likelihood, read_lasts
from refusals import refusal
from tiny import tiny_checkpoint

from xtransplant import load, verify_packing
from xtransplant.backends.ndif.backend import Ndif
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.score import score_items
from xtransplant.model import quantization


def test_what_cannot_be_quantized_is_said(tmp_path, monkeypatch):
    llama = tiny_checkpoint("llama")
    assert "is none of bnb-4bit, bnb-8bit" in refusal(llama, quantization="int3")
    path = write_gguf(llama, tmp_path / "tiny.gguf")
    assert "is a GGUF file, quantized already" in refusal(path, quantization="bnb-4bit")
    server = Ndif("http://127.0.0.1:9")
    assert "a server decides" in refusal(llama, quantization="bnb-4bit", backend=server)
    message = refusal(llama, quantization="bnb-4bit", tensor_parallel=True)
    assert "--device-map auto" in message
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    assert "pip install 'xtransplant[bnb]'" in refusal(llama, quantization="bnb-8bit")


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_four_bits_pack_and_equal_plain_hooks(family, monkeypatch):
    layers = pytest.importorskip(
        "bitsandbytes.nn.modules", reason="quantizing needs bitsandbytes (extra bnb)"
    )
    # Where the processor has it, a kernel that takes no layers as narrow as these.
    monkeypatch.setattr(layers, "has_avx512bf16", lambda: False, raising=False)
    model = load(tiny_checkpoint(family), quantization="bnb-4bit")
    assert (model.d_model, model.n_heads, model.head_dim) == (48, 4, 12)
    assert type(model.module.model.layers[0].mlp.up_proj).__name__ == "Linear4bit"
    check = verify_packing(model)
    assert check.packing.together, check
    source, target = prompts()
    tried = cases(model)
    variants = [swap(site).edits(shape_of(model), i, j) for site, i, j in tried]
    item = Item(source, target, CANDIDATES, CANDIDATES)
    found = next(score_items(model, [item], variants, packing=check.packing))
    read = read_lasts(model.module, source, [(site, i) for site, i, _ in tried])
    for n, (site, i, j) in enumerate(tried):
        head = HEAD if site == "head" else None
        after = continued(model.module, site, j, read[site, i], target, CANDIDATES, head)
        for k, candidate in enumerate(CANDIDATES):
            assert abs(found.logprobs[n, k] - likelihood(after[k], candidate)) < 1e-4, (site, i, j)


def test_eight_bits_say_that_cells_depend_on_each_other(caplog):
    pytest.importorskip("bitsandbytes", reason="quantizing needs bitsandbytes (extra bnb)")
    model = load(tiny_checkpoint("llama"), quantization="bnb-8bit")
    assert type(model.module.model.layers[0].mlp.up_proj).__name__ == "Linear8bitLt"
    assert any("what else runs with it" in one.getMessage() for one in caplog.records)
