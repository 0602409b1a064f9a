"""What a family is said to see (windows, chunks, masks by layer type) is what its model sees."""

import pytest
import torch
from tiny import VOCABULARY, WINDOWED, make_tiny, tiny_checkpoint
from tiny_configs import WINDOW

from xtransplant.model.load import load
from xtransplant.model.model import Window
from xtransplant.packing import reach

LENGTH = 2 * WINDOW + 5
LOW = torch.finfo(torch.float32).min


def logits(model, ids, positions, ancestors):
    """One forward pass with masks made from the model's own windows."""
    masks = {
        kind: torch.zeros(ancestors.shape, device=model.device)
        .masked_fill(~reach(ancestors, positions, positions, sliding=w.sliding, chunk=w.chunk), LOW)
        .expand(1, 1, -1, -1)
        for kind, w in model.windows.items()
    }
    mask = masks if model.masks_by_layer_type else next(iter(masks.values()))
    with torch.no_grad():
        return model.module(
            input_ids=ids[None], position_ids=positions[None], attention_mask=mask, use_cache=False
        ).logits[0]


def plain_logits(model, ids):
    with torch.no_grad():
        return model.module(input_ids=ids[None], use_cache=False).logits[0]


@pytest.mark.parametrize("family", sorted(WINDOWED))
def test_windows_give_the_models_own_mask(family):
    model = load(tiny_checkpoint(family), check=False)
    ids = torch.randint(3, VOCABULARY, (LENGTH,), generator=torch.Generator().manual_seed(0))
    ids, positions = ids.to(model.device), torch.arange(LENGTH, device=model.device)
    causal = positions[:, None] >= positions
    plain = plain_logits(model, ids)
    torch.testing.assert_close(logits(model, ids, positions, causal), plain, atol=1e-4, rtol=0)
    # The sequence is long enough for the window to matter.
    model.__dict__["windows"] = {kind: Window() for kind in model.windows}
    wide = logits(model, ids, positions, causal)
    assert (wide - plain).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "mistral", "llama4_text", "opt"])
def test_a_copy_of_the_last_token_gives_its_logits(family):
    model = load(tiny_checkpoint(family), check=False)
    ids = torch.randint(3, VOCABULARY, (LENGTH,), generator=torch.Generator().manual_seed(0))
    ids, positions = ids.to(model.device), torch.arange(LENGTH, device=model.device)
    plain = plain_logits(model, ids)
    twice = torch.cat([ids, ids[-1:]])
    seen = torch.ones(LENGTH + 1, LENGTH + 1, device=model.device).tril().bool()
    seen[LENGTH, LENGTH - 1] = False
    copy = logits(model, twice, torch.cat([positions, positions[-1:]]), seen)
    torch.testing.assert_close(copy[-1], plain[-1], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("mistral", {"sliding_window": None}),
        ("qwen2", {"use_sliding_window": False, "layer_types": None}),
        ("qwen3_moe", {"use_sliding_window": False}),
    ],
)
def test_a_window_that_is_not_used_is_none(family, changes, tmp_path):
    make_tiny(family, tmp_path, **changes)
    assert set(load(tmp_path, check=False).windows.values()) == {Window()}


def test_layers_that_take_no_mask_are_not_packed(tmp_path):
    make_tiny("qwen2", tmp_path)
    model = load(tmp_path)
    assert model.unpackable == ""
    model.config.layer_types = ["full_attention", "linear_attention"] * 2
    assert "linear_attention" in model.unpackable
