"""Raw strategies: the same numbers as their recorded twins, and what only they can do."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import raw_cases
import torch
from reference import blocks
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load, strategy, transplant
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.score import score
from xtransplant.engine.trace.raw import generate_scripts, score_scripts, token_forwards
from xtransplant.grid.check import verify_grid
from xtransplant.packing import SHARED

FILE = raw_cases.__file__
TWINS = {"raw-attn": "attn-swap", "raw-blend": "blend"}


def both(model, name, twin, **options):
    return transplant(model, EXAMPLE, name, **options), transplant(model, EXAMPLE, twin, **options)


@pytest.mark.parametrize("name", TWINS)
def test_a_script_does_what_its_recorded_twin_does(llama, name):
    raw, recorded = both(llama, f"{FILE}:{name}", TWINS[name], generations=True, max_new_tokens=6)
    assert np.abs(raw.scores.logprobs - recorded.scores.logprobs).max() < 1e-5
    assert np.abs(raw.scores.logprobs - raw.scores.vanilla).max() > 1e-2, "it must matter"
    assert np.abs(raw.scores.top_logprobs - recorded.scores.top_logprobs).max() < 1e-5
    assert raw.scores.top_tokens == recorded.scores.top_tokens
    assert (raw.scores.vanilla == recorded.scores.vanilla).all()
    assert raw.generations.outputs == recorded.generations.outputs
    assert raw.generations.token_ids == recorded.generations.token_ids
    assert raw.generations.vanilla == recorded.generations.vanilla


# Windows that slide, caches of several kinds, distances counted in columns, a cache off by default.
@pytest.mark.parametrize("family", ["gemma2", "llama4_text", "gpt2", "opt", "bloom", "mpt"])
def test_a_script_does_in_other_families(family):
    model = load(tiny_checkpoint(family))
    paths = [model.site("ffn", layer).path for layer in range(model.n_layers)]

    def last(nn, layer):
        output = nn.get(paths[layer]).output
        output = output[0] if isinstance(output, tuple) else output
        return output.view(-1, output.shape[-1])[-1]

    @strategy("twin", raw=True)
    def twin(nn, i, j):
        value = last(nn, i).clone()
        yield
        last(nn, j)[:] = value

    options = {"source_layers": [0, 2], "target_layers": [1, 3], "generations": True}
    raw, recorded = both(model, twin, "ffn-swap", **options, max_new_tokens=4)
    assert np.abs(raw.scores.logprobs - recorded.scores.logprobs).max() < 1e-4
    assert np.abs(raw.scores.logprobs - raw.scores.vanilla).max() > 1e-2
    assert raw.generations.outputs == recorded.generations.outputs


def test_a_script_may_take_gradients(llama):
    plain, item = llama.module, item_of(llama, EXAMPLE)
    source, target = (
        torch.tensor([ids], device=plain.device) for ids in (item.source, item.target)
    )

    def run(ids, layer, change):
        seen = []

        def hook(module, args, output):
            seen.append(change(output))
            return seen[0]

        handle = blocks(plain)[layer].mlp.register_forward_hook(hook)
        logits = plain(input_ids=ids, use_cache=False).logits[0, -1]
        handle.remove()
        return logits, seen[0]

    def plus(slope):
        def change(output):
            output = output.clone()
            output[0, -1] += slope
            return output

        return change

    grid = transplant(llama, EXAMPLE, f"{FILE}:uphill", top_k=3, generations=True, max_new_tokens=1)
    for place, (i, j) in enumerate(grid.pairs):
        logits, output = run(source, i, lambda output: output.detach().requires_grad_(True))
        (slope,) = torch.autograd.grad(logits.max(), output)
        with torch.no_grad():
            expected = run(target, j, plus(slope[0, -1]))[0].log_softmax(-1)
        top = expected.topk(3).values.double().numpy()
        assert np.abs(grid.scores.top_logprobs[place] - top).max() < 1e-4
        assert grid.generations.token_ids[place] == (int(expected.argmax()),)


def test_what_a_script_writes_is_its_own_rule(llama):
    grid = transplant(llama, EXAMPLE, f"{FILE}:nearest-token")
    swap = transplant(llama, EXAMPLE, "ffn-swap")
    assert np.abs(grid.scores.logprobs - swap.scores.logprobs).max() > 1e-2


def test_its_way_is_named(llama):
    grid = transplant(llama, EXAMPLE, f"{FILE}:raw-attn", source_layers=[0], target_layers=[1, 2])
    assert grid.packing.together is False
    assert "one variant after another" in grid.note


@contextmanager
def counted(model):
    """Forward passes of the model itself, as ``[batch * n_tokens]`` of each."""
    sizes = []
    handle = model.module.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    yield sizes
    handle.remove()


@pytest.mark.parametrize("candidates", [(".", ","), (" forty two", " 1", " forty three")])
def test_its_cost_is_what_goes_through_the_model(llama, candidates):
    example = replace(EXAMPLE, candidates=candidates, answer=candidates[0])
    raw, item = find_strategy(f"{FILE}:raw-attn"), item_of(llama, example)
    scripts = [raw.variant(shape_of(llama), 0, j) for j in (1, 2)]
    with counted(llama) as sizes:
        score_scripts(llama, item, scripts, 3)
    assert token_forwards(item, len(scripts)) == sum(sizes)
    with counted(llama) as passes:
        found = score(llama, example, raw, [(0, 1), (0, 2)], packing=SHARED)
    assert found.forward_passes == len(passes)
    with counted(llama) as counts:
        texts, _ = generate_scripts(llama, item, scripts, 4)
    n_new = sum(map(len, texts))
    assert n_new == 8  # no end token among them, which is generated and not told
    assert token_forwards(item, len(scripts), n_new) == sum(counts)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", r"at layer pair 1→2, .*raw_cases.py line \d+: ValueError: no such thing as 48"),
        ("twice", "twice has more or fewer than one yield"),
        ("out-of-order", r"at layer pair 1→2, .*raw_cases.py line \d+: OutOfOrderError"),
    ],
)
@pytest.mark.parametrize("generations", [False, True])
def test_a_script_that_fails_says_where(llama, name, words, generations):
    with pytest.raises(XTransplantError, match=words) as error:
        transplant(
            llama, EXAMPLE, f"{FILE}:{name}", source_layers=[1], target_layers=[2],
            scores=not generations, generations=generations,
        )  # fmt: skip
    assert "\n" not in str(error.value)
    if "line" in words:
        line = int(str(error.value).partition(" line ")[2].partition(":")[0])
        code = Path(FILE).read_text().splitlines()[line - 1]
        assert "raise" in code or "layers[0]" in code


def test_memory_that_runs_out_and_a_script_beside_its_call(llama):
    @strategy("large", raw=True)
    def large(model, i, j):
        model.model.layers[i].mlp.output.sum()
        yield
        raise MemoryError

    @strategy("here", raw=True)
    def here(model, i, j):
        yield model.model.layers[i].mlp.output.sum()
        raise KeyError("x")

    line = here.function.__code__.co_firstlineno + 3
    with pytest.raises(XTransplantError, match=f"test_raw.py line {line}: KeyError"):
        transplant(llama, EXAMPLE, here)
    with pytest.raises(XTransplantError, match="runs out of memory on one variant of raw strategy"):
        transplant(llama, EXAMPLE, large)


def test_a_script_is_not_verified_against_itself(llama):
    raw = find_strategy(f"{FILE}:raw-attn")
    grid = transplant(llama, EXAMPLE, raw, source_layers=[0], target_layers=[1])
    with pytest.raises(XTransplantError, match="nothing to hold it against"):
        verify_grid(llama, grid, raw)


def test_without_a_yield_it_is_no_script():
    with pytest.raises(XTransplantError, match="has no yield"):

        @strategy("endless", raw=True)
        def endless(model, i, j):
            return None
