"""Here and on the loopback NDIF: the same numbers."""

import dataclasses
from typing import get_args

import numpy as np
import pytest
import raw_cases
from far import grid, warm
from fits_made import ready
from loopback import Real
from tiny import EXAMPLE, make_tiny
from travel_cases import BAD, GOOD, recorded

from xtransplant import XTransplantError, capture, load
from xtransplant.backends.ndif.backend import Ndif
from xtransplant.engine.capture import pool
from xtransplant.engine.verify import packing_for
from xtransplant.packing import MASKED
from xtransplant.strategies import strategy_names
from xtransplant.strategies.fitting import Pooling

# Means over several sources are read in this process alone; tests/engine/test_source_mean.py.
THERE = sorted({*strategy_names()} - {"resid-mean-swap"})


@pytest.mark.parametrize("name", THERE)
def test_scores_are_those_here(asked, near, packed, name):
    far, _, _ = asked
    warm(far, packed)
    chosen = ready(near, name)
    there, here = grid(far, chosen), grid(near, chosen)
    assert np.abs(there.scores.logprobs - here.scores.logprobs).max() < 1e-5
    assert np.abs(there.scores.vanilla - here.scores.vanilla).max() < 1e-5
    assert np.abs(there.scores.source - here.scores.source).max() < 1e-5
    same_writes(there.scores.writes, here.scores.writes)


def same_writes(there, here):
    for field in dataclasses.fields(here):
        one, other = (getattr(writes, field.name) for writes in (there, here))
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", THERE)
def test_generations_are_those_here(asked, near, packed, name):
    far, _, _ = asked
    warm(far, packed)
    options = {"scores": False, "generations": True, "max_new_tokens": 6}
    chosen = ready(near, name)
    there, here = (grid(model, chosen, **options).generations for model in (far, near))
    assert there.outputs == here.outputs
    same_writes(there.writes, here.writes)


@pytest.mark.parametrize(
    "during", ['"decode"', '"all"', '"first(2)"', 'through="logits"', 'through="cache"']
)
def test_other_steps_and_ways_are_those_here(asked, near, packed, tmp_path, during):
    far, _, _ = asked
    warm(far, packed)
    (tmp_path / "mine.py").write_text(
        '"""Acts at other steps, or through less."""\n'
        "from xtransplant import strategy\n\n\n"
        '@strategy("mine")\n'
        "def mine(source, target, i, j):\n"
        f"    there = target.during({during})\n"
        "    there.ffn[j] = 2.0 * source.ffn[i] - there.ffn[j] + 0.3\n"
    )
    options = {"generations": True, "max_new_tokens": 5}
    there, here = (grid(model, str(tmp_path / "mine.py"), **options) for model in (far, near))
    assert np.abs(there.scores.logprobs - here.scores.logprobs).max() < 1e-5
    assert np.abs(here.scores.logprobs - here.scores.vanilla).max() > 1e-3
    assert there.generations.token_ids == here.generations.token_ids


def test_what_overflows_over_there_is_recorded_as_here(asked, near, packed, tmp_path):
    far, _, _ = asked
    warm(far, packed)
    (tmp_path / "mine.py").write_text(
        '"""Too much for any precision."""\n'
        "from xtransplant import strategy\n\n\n"
        '@strategy("too-much")\n'
        "def too_much(source, target, i, j):\n"
        "    target.ffn[j] = (1e39 if i else 1.0) * source.ffn[i]\n"
    )
    options = {"generations": True, "max_new_tokens": 3}
    there, here = (grid(model, str(tmp_path / "mine.py"), **options) for model in (far, near))
    assert not here.finite.all()
    assert (there.finite == here.finite).all()
    assert (there.finite[0]).all()
    assert there.generations.finite == here.generations.finite
    assert there.scores.vanilla_finite
    assert np.abs(there.scores.vanilla - here.scores.vanilla).max() < 1e-5
    assert grid(far, "none", **options).unchanged


def test_packing_is_verified_over_there(asked):
    far, _, _ = asked
    check = packing_for(far)
    assert check.packing.together
    assert not check.packing.shared_prefix


def test_activations_are_those_here(asked, near):
    there, here = (capture(model, EXAMPLE.source)["resid_post"] for model in (asked[0], near))
    assert (there - here).abs().max() < 1e-5


@pytest.mark.parametrize("tokens", get_args(Pooling))
def test_what_a_fit_captures_is_what_is_here(asked, near, tokens):
    there, here = (
        pool(model, EXAMPLE.source, "neurons", tokens=tokens) for model in (asked[0], near)
    )
    assert there.shape == here.shape
    assert (there - here).abs().max() < 1e-5


def test_a_grid_is_one_job_and_small(asked, packed):
    far, _, server = asked
    warm(far, packed)
    before = server.log["jobs"]
    grid(far)
    after = server.log
    assert after["jobs"] - before == 1
    assert after["payload"] < 100_000
    assert after["answer"] < 100_000


def test_a_users_function_travels_by_value(asked, near, packed, tmp_path):
    far, _, _ = asked
    warm(far, packed)
    recorded(tmp_path, "def bend(x):\n    return x.tanh()\n", "bend")
    file = tmp_path / "mine.py"
    there, here = (grid(model, str(file)).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() < 1e-5


FIXED = """
import torch
from xtransplant import strategy
from xtransplant.strategies import fixed

NUMBERS = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(0)) / 8


@strategy("fixed-numbers")
def fixed_numbers(source, target, i, j):
    mapped = fixed(NUMBERS, "map") @ source.ffn[i]
    target.ffn[j] = mapped + fixed(NUMBERS[j], "vector")
"""


def test_tensors_that_are_there_before_travel(asked, near, packed, tmp_path):
    far, _, server = asked
    warm(far, packed)
    file = tmp_path / "mine.py"
    file.write_text(FIXED.replace("SIZE", str(near.d_model)))
    options = {"generations": True, "max_new_tokens": 3}
    there, here = (grid(model, str(file), **options) for model in (far, near))
    assert np.abs(there.scores.logprobs - here.scores.logprobs).max() < 1e-5
    assert there.generations.outputs == here.generations.outputs
    assert server.log["payload"] < 300_000  # the matrix travels once


def raw_grid(model, name):
    return grid(model, f"{raw_cases.__file__}:{name}", generations=True, max_new_tokens=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["raw-attn", "raw-blend", "nearest-token", "uphill"])
def test_a_raw_strategy_travels_by_value(asked, near, packed, name):
    far, _, _ = asked
    warm(far, packed)
    there, here = raw_grid(far, name), raw_grid(near, name)
    assert np.abs(there.scores.logprobs - here.scores.logprobs).max() < 1e-5
    assert there.generations.outputs == here.generations.outputs


def test_a_raw_grid_is_one_job_for_scores_and_one_for_texts(asked, packed):
    far, _, server = asked
    warm(far, packed)
    before = server.log["jobs"]
    raw_grid(far, "raw-attn")
    # Each with and without a transplant, and the source's own text.
    assert server.log["jobs"] - before == 5


@pytest.mark.parametrize("name", [*GOOD, "large global"])
def test_what_the_lint_leaves_alone_travels(asked, near, packed, tmp_path, name):
    far, _, server = asked
    warm(far, packed)
    recorded(tmp_path, *(GOOD.get(name) or BAD[name])[:2])
    file = str(tmp_path / "mine.py")
    if name == "large global" and isinstance(server, Real):
        with pytest.raises(XTransplantError, match="of more than a megabyte: hold less"):
            grid(far, file)
        return
    there, here = (grid(model, file).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("decorated", "decorates h names what it wraps"),
        ("this package", "No module named 'xtransplant'"),
        ("bare super", "super()"),
    ],
)
def test_what_the_lint_finds_does_not(asked, packed, tmp_path, name, words):
    far, _, _ = asked
    warm(far, packed)
    recorded(tmp_path, *BAD[name][:2])
    with pytest.raises(XTransplantError) as error:
        grid(far, str(tmp_path / "mine.py"))
    assert words in str(error.value)


def test_the_lint_is_right_about_decorators(asked, near, packed, tmp_path, monkeypatch):
    # Let through, it gives other numbers, and no error.
    far, _, _ = asked
    warm(far, packed)
    monkeypatch.setattr("xtransplant.grid.transplant.check_travel", lambda variants: None)
    recorded(tmp_path, *BAD["decorated helper"][:2])
    file = str(tmp_path / "mine.py")
    there, here = (grid(model, file).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() > 1e-3


def test_what_cannot_be_written_down_is_one_line(asked, packed, tmp_path):
    far, _, _ = asked
    warm(far, packed)
    recorded(
        tmp_path, "import threading\nL = threading.Lock()\ndef f(x):\n    L\n    return x\n", "f"
    )
    with pytest.raises(XTransplantError, match="holds cannot be sent: cannot pickle"):
        grid(far, str(tmp_path / "mine.py"))


def test_a_model_that_cannot_be_packed_there_runs_one_per_row(ndif, tmp_path):
    # GPT-2 reshapes its output to the length of its input: the faster way ends in an error there.
    folder = tmp_path / "gpt2"
    make_tiny("gpt2", str(folder))
    ndif.deploy(folder)
    far, near = load(folder, backend=Ndif(ndif.url)), load(folder)
    check = packing_for(far)
    assert check.packing == MASKED
    assert "fails" in check.reason
    there, here = (grid(model).scores.logprobs for model in (far, near))
    assert np.abs(there - here).max() < 1e-5


def test_big_results_come_by_url(asked, near, packed):
    far, _, server = asked
    warm(far, packed)
    server.arm("url", 1)
    there = grid(far).scores.logprobs
    assert np.abs(there - grid(near).scores.logprobs).max() < 1e-5


def test_this_package_cannot_be_imported_over_there(asked):
    # Else the tests above would prove nothing.
    import subprocess
    import sys
    from pathlib import Path

    code = (Path(__file__).parent / "server.py").read_text().split('os.environ["HF_HUB')[0]
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport xtransplant"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "No module named 'xtransplant'" in done.stderr
