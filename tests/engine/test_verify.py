"""What is held against one variant at a time is held to it: numbers, depths, windows, precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import EXAMPLE, make_tiny, tiny_checkpoint

from xtransplant import find_strategy, load, transplant, verify_packing
from xtransplant.engine import precision, trial
from xtransplant.engine.compare import Difference, difference, text_difference
from xtransplant.engine.outcome import TokenCertainty
from xtransplant.engine.precision import in_float32
from xtransplant.engine.trace import decoding
from xtransplant.grid.check import GridCheck, verify_grid
from xtransplant.packing import ROWS, SHARED, Packing

NAMES = ("the grid", "one at a time")
ARRAYS = ("logprobs", "vanilla", "source", "top_logprobs")
LEVEL = Packing(shared_prefix=True)


@pytest.fixture(scope="module")
def grid(llama):
    return transplant(llama, EXAMPLE, "attn-swap", generations=True, max_new_tokens=3)


def with_value(scores, name, value):
    array = np.array(getattr(scores, name))
    array.flat[-1] = value
    return replace(scores, **{name: array})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("side", [0, 1, "both"])
def test_what_is_no_number_fails_a_comparison_and_is_named(grid, name, value, side):
    good, bad = grid.scores, with_value(grid.scores, name, value)
    pair = (bad, bad) if side == "both" else (bad, good) if side == 0 else (good, bad)
    found = difference(*pair, NAMES)
    assert not found.within(1e9)
    assert np.isnan(found.worst)
    for at, name_of_run in enumerate(NAMES):
        assert (f"({name_of_run})" in str(found)) == (pair[at] is bad)
    assert ("NaN" if np.isnan(value) else "infinite") in str(found)
    check = GridCheck(found, None, 1e-3)
    assert not check.agrees
    assert not check.exact
    assert str(found) in check.summary
    assert check.summary.endswith("NOT EXACT")


def test_equal_runs_differ_by_nothing(grid):
    found = difference(grid.scores, grid.scores, NAMES)
    assert (found.worst, found.other_tops, found.broken) == (0.0, 0.0, "")
    assert found.within(0.0)


def test_a_grid_of_texts_alone_is_exact_or_not(llama):
    texts = transplant(llama, EXAMPLE, "ffn-swap", scores=False, generations=True, max_new_tokens=3)
    checked = verify_grid(llama, texts, find_strategy("ffn-swap"))
    assert checked.scores is None
    assert checked.exact
    assert checked.summary.endswith("0 of 17 texts differ: exact")
    ids = texts.generations.token_ids
    other = (*ids[:5], (*ids[5][:1], ids[5][1] + 1, *ids[5][2:]), *ids[6:])
    wrong = replace(texts, generations=replace(texts.generations, token_ids=other))
    checked = verify_grid(llama, wrong, find_strategy("ffn-swap"))
    assert not checked.agrees
    assert checked.summary.endswith("1 of 17 texts differ: NOT EXACT")


def test_a_stored_nan_of_a_local_grid_is_found_by_verify(llama, grid):
    wrong = replace(grid, scores=with_value(grid.scores, "source", np.nan))
    checked = verify_grid(llama, wrong, find_strategy("attn-swap"))
    assert "1 of 5 NaN of those of the source (the grid)" in checked.summary
    assert not checked.agrees


def test_a_model_without_numbers_is_not_packed_and_says_why(tmp_path):
    make_tiny("llama", tmp_path)
    model = load(tmp_path, check=False)
    model.module.model.norm.weight[3] = float("nan")
    check = verify_packing(model)
    assert (check.packing, check.worst) == (ROWS, None)
    assert "NaN of the candidates' log-likelihoods" in check.note
    assert "try another --dtype" in check.note


def test_a_packing_that_makes_a_nan_is_not_taken(llama, monkeypatch):
    run = trial.Trial.run

    def broken(self, model, packing, **options):
        found = run(self, model, packing, **options)
        if packing == ROWS:
            return found
        return replace(found, scores=with_value(found.scores, "top_logprobs", np.nan))

    monkeypatch.setattr(trial.Trial, "run", broken)
    check = verify_packing(llama)
    assert check.packing == ROWS
    assert np.isnan(check.worst)
    assert "1 of 15 NaN of the next tokens' log-probabilities (packed)" in check.note


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "phi"])
def test_every_site_is_tried_at_the_first_middle_and_last_layer(family):
    model = load(tiny_checkpoint(family), check=False)
    edits = [edit for variant in trial.short_trial(model, 40, 0).variants for edit in variant]
    sites = set(model.sites) - {"resid_mid"}  # which is played through attn
    assert {(edit.site, edit.layer) for edit in edits} == {(s, j) for s in sites for j in (0, 2, 3)}
    assert {read.layer for edit in edits for read in edit.value.reads()} == {0, 2, 3}


@pytest.mark.parametrize("joins", [1, 3])
def test_a_fault_of_generation_at_later_layers_alone_is_caught(llama, monkeypatch, joins):
    rows = decoding.make_rows

    def faulty(*arguments, **named):
        """Values of variants that join at layer ``joins`` or later are off."""
        found = rows(*arguments, **named)
        late = torch.from_numpy(found.start[:-1] >= joins)
        for layer in range(joins, 4):
            found.own[layer].both[1][:-1][late] *= 1.5
        return found

    monkeypatch.setattr(decoding, "make_rows", faulty)
    check = verify_packing(llama)
    assert check.packing == LEVEL
    assert "nats in what they generate (allowed: 0.001)" in check.note


def test_a_near_tie_that_tips_is_told_from_a_fault(grid):
    sure, tie = TokenCertainty(logprob=-1.0, margin=0.5), TokenCertainty(logprob=-1.0, margin=0.01)
    reference = replace(
        grid.generations,
        vanilla_ids=(4, 5),
        token_ids=((4, 5), (4, 6), (4, 7)),
        certainty=((sure, sure), (sure, tie), (sure, sure), (sure, sure)),
    )
    found = replace(reference, token_ids=((4, 9), (4, 6), (9, 7)), certainty=())
    gap = text_difference(found, reference, 0.1, NAMES)
    assert (gap.n_texts, gap.different, gap.beyond, gap.worst) == (4, 2, 1, None)
    half = GridCheck(None, gap, 0.1, "bfloat16")
    assert not half.agrees
    assert "2 of 4 texts differ, 1 of them not at a near tie: MORE THAN ROUNDING" in half.summary
    assert GridCheck(None, replace(gap, beyond=0), 0.1, "bfloat16").agrees
    assert not GridCheck(None, replace(gap, beyond=0), 0.1).agrees


@pytest.mark.any_dtype
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_measured_and_not_called_exact(dtype):
    model = load(tiny_checkpoint("llama"), dtype=dtype)
    check = verify_packing(model)
    assert check.packing == SHARED
    assert not check.exact
    assert check.note.startswith(f"{dtype} rounds; on prompts of random tokens, against one")
    assert "against float32: largest difference" in check.note
    # Rounding is there, and no more than rounding.
    assert 1e-6 < check.float32.worst < check.tolerance
    options = {"generations": True, "max_new_tokens": 4}
    found = transplant(model, EXAMPLE, "ffn-swap", **options)
    assert found.note == check.note
    checked = verify_grid(model, found, find_strategy("ffn-swap"))
    assert checked.agrees
    assert not checked.exact
    assert checked.summary.startswith(f"verify: in {dtype}, against one variant at a time: largest")
    assert "; against float32: largest difference" in checked.summary
    assert checked.summary.endswith(": no more than rounding")
    assert "exact" not in (check.note + checked.summary).lower()
    # A larger error is reported here too.
    wrong = replace(found, scores=replace(found.scores, logprobs=found.scores.logprobs + 1))
    checked = verify_grid(model, wrong, find_strategy("ffn-swap"))
    assert checked.summary.endswith("MORE THAN ROUNDING")
    assert not checked.agrees


def test_float32_is_what_the_same_weights_give_in_float32():
    half, full = (load(tiny_checkpoint("gemma2"), dtype=dtype) for dtype in ("bfloat16", "float32"))
    for parameter in full.module.parameters():
        parameter.data = parameter.data.bfloat16().float()
    for buffer, rounded in zip(full.module.buffers(), half.module.buffers(), strict=True):
        buffer.data = rounded.float()
    ids = torch.arange(5, 30, device=half.device)[None]
    before, expected = half.module(input_ids=ids).logits, full.module(input_ids=ids).logits
    state = {name: value.clone() for name, value in half.module.state_dict().items()}
    buffers = {name: value.clone() for name, value in half.module.named_buffers()}
    with in_float32(half):
        assert half.dtype == torch.float32
        inside = half.module(input_ids=ids).logits
    torch.testing.assert_close(inside, expected, atol=1e-5, rtol=0)
    with pytest.raises(RuntimeError), in_float32(half):
        raise RuntimeError
    after = {**half.module.state_dict(), **dict(half.module.named_buffers())}
    for name, value in {**state, **buffers}.items():
        assert after[name].dtype == value.dtype
        assert torch.equal(after[name], value), name
    assert torch.equal(half.module(input_ids=ids).logits, before)


def test_where_memory_does_not_allow_float32_that_is_said(monkeypatch):
    model = load(tiny_checkpoint("llama"), dtype="bfloat16")
    monkeypatch.setattr(precision, "free_bytes", lambda device: 1000)
    check = verify_packing(model)
    assert check.float32 is None
    assert check.lacked_memory
    assert "not held against float32: that takes 0.0 GB more memory on cpu" in check.note
    found = transplant(model, EXAMPLE, "ffn-swap", source_layers=[0])
    assert "not held against float32" in verify_grid(model, found, find_strategy("none")).summary


def test_a_difference_reads_as_what_it_is():
    assert str(Difference(0.0312, 0.25)) == (
        "largest difference 0.031 nats, another top token in 25.0% of the cells"
    )
