"""Sliding windows are tried without prompts that are longer than they are, and as surely."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from tiny import make_tiny

from xtransplant import load, verify_packing
from xtransplant.engine import trial, trials
from xtransplant.engine.compile import masks
from xtransplant.engine.trace import decoding
from xtransplant.model.model import Window
from xtransplant.model.small_windows import small_windows
from xtransplant.packing import ROWS, SHARED


@pytest.fixture(scope="module")
def windowed(tmp_path_factory):
    """A model two of whose layers look back 512 tokens."""
    folder = tmp_path_factory.mktemp("window")
    make_tiny("gemma3_text", folder, sliding_window=512, max_position_embeddings=1024)
    return folder


def test_a_window_of_512_tokens_is_tried_beyond(windowed):
    check = verify_packing(load(windowed))
    assert (check.packing, check.untried, check.note) == (SHARED, None, "")
    assert check.note_for(900) == ""


def test_a_wrong_window_of_512_tokens_in_scoring_is_caught(windowed, monkeypatch):
    within = masks._within_window
    monkeypatch.setattr(
        masks, "_within_window", lambda sees, q, k, window: within(sees, q, k, Window())
    )
    check = verify_packing(load(windowed))
    assert check.packing == ROWS
    assert "nats (allowed: 0.001) on prompts of 544 tokens" in check.note


def test_a_wrong_window_of_512_tokens_in_decoding_is_caught(windowed, monkeypatch):
    monkeypatch.setattr(
        decoding, "make_window_masks", lambda model, place: dict.fromkeys(model.windows)
    )
    check = verify_packing(load(windowed))
    assert not check.packing.shared_prefix
    assert "generate" in check.note
    assert "on prompts of 544 tokens" in check.note
    # Without what tries the windows nobody would know.
    monkeypatch.setattr(trials, "_can_be_made_small", lambda model: False)
    monkeypatch.setattr(trials, "long_trial", lambda model, seed: None)
    assert verify_packing(load(windowed)).packing == SHARED


def test_a_wrong_window_too_long_to_be_tried_at_its_size_is_caught(tmp_path, monkeypatch):
    make_tiny("mistral", tmp_path, sliding_window=2000, max_position_embeddings=4096)
    model = load(tmp_path)
    assert trial.long_trial(model, 0) is None
    monkeypatch.setattr(decoding, "make_window_masks", lambda m, place: dict.fromkeys(m.windows))
    check = verify_packing(model)
    assert not check.packing.shared_prefix
    assert "where windows are made 4 tokens" in check.note
    assert model.config.sliding_window == 2000


def test_windows_are_made_small_and_put_back(windowed):
    model, ids = load(windowed), torch.arange(5, 19)[None]
    attention = [layer.self_attn.sliding_window for layer in model.module.model.layers]
    before = model.module(input_ids=ids).logits
    with small_windows(model, 4) as small:
        assert small.windows["sliding_attention"] == Window(sliding=4)
        assert not torch.allclose(model.module(input_ids=ids).logits, before, atol=1e-3)
    with pytest.raises(RuntimeError), small_windows(model, 4):
        raise RuntimeError
    assert model.windows["sliding_attention"] == Window(sliding=512)
    assert [layer.self_attn.sliding_window for layer in model.module.model.layers] == attention
    assert torch.equal(model.module(input_ids=ids).logits, before)


@contextmanager
def in_name_alone(model, size):
    """What a model does whose code has the size of its windows elsewhere too."""
    small = replace(model)
    small.__dict__["windows"] = model.windows | {"sliding_attention": Window(sliding=size)}
    yield small


def test_a_model_that_keeps_its_windows_is_tried_on_longer_prompts(windowed, monkeypatch):
    monkeypatch.setattr(trials, "small_windows", in_name_alone)
    check = verify_packing(load(windowed))
    assert (check.packing, check.untried, check.lacked_memory) == (SHARED, None, False)
    scarce_memory(monkeypatch)
    check = verify_packing(load(windowed))
    assert check.packing == ROWS
    assert "where windows are made 4 tokens" in check.note


@pytest.mark.parametrize(
    ("window", "context", "tried", "untried"),
    [(512, 1024, 544, None), (512, 512, None, None), (2000, 4096, None, 2000), (12, 256, 28, None)],
)
def test_prompts_are_as_long_as_window_context_and_device_allow(
    tmp_path, monkeypatch, window, context, tried, untried
):
    make_tiny("mistral", tmp_path, sliding_window=window, max_position_embeddings=context)
    model = load(tmp_path)
    long = trial.long_trial(model, 0)
    assert (long and long.n_tokens) == tried
    if untried:
        assert verify_packing(model).untried is None
        # As on a server, whose windows stay as they are.
        monkeypatch.setattr(trials, "_can_be_made_small", lambda model: False)
        check = verify_packing(model)
        assert check.untried == untried
        assert check.note_for(2000) == ""
        assert "longer than the window of 2,000 tokens were not tried" in check.note_for(2001)


def scarce_memory(monkeypatch):
    run = trial.Trial.run

    def scarce(self, model, packing, **options):
        if self.n_tokens > 100:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return run(self, model, packing, **options)

    monkeypatch.setattr(trial.Trial, "run", scarce)


def test_long_prompts_that_memory_does_not_hold_are_left_out(windowed, monkeypatch):
    scarce_memory(monkeypatch)
    monkeypatch.setattr(trials, "_can_be_made_small", lambda model: False)
    check = verify_packing(load(windowed))
    assert (check.packing, check.untried, check.lacked_memory) == (SHARED, 512, True)
