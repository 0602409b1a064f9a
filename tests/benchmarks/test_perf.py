"""The measuring itself: what is counted is right, and what is compared agrees. No timing."""

import json

import pytest
import torch

from xtransplant.benchmarks.perf import __main__ as perf
from xtransplant.benchmarks.perf.floor import (
    block_parameters,
    flops,
    generate_tokens,
    rows_of_score,
)
from xtransplant.benchmarks.perf.plot import Curve, draw
from xtransplant.benchmarks.perf.shapes import SHAPES, shaped


def test_the_floor_counts_shared_layers_once():
    # Two layers, prompts of five tokens, one variant at each layer and a second at the last.
    assert rows_of_score(2, 5, [0, 1, 1]) == [[5, 5], [6, 8]]
    assert generate_tokens(2, 5, [0, 1, 1], 0) == (5 + 5 + 6 + 8) / 2
    assert generate_tokens(2, 5, [0, 1, 1], 4) == 12 + 3 * 4


def test_flops_are_two_a_parameter_and_attention():
    with shaped("tiny", n_layers=2) as model:
        parameters = 2 * (4 * 128 * 128 + 3 * 128 * 384)
        assert block_parameters(model) == parameters
        assert flops(model, 10, 7) == 10 * (2 * parameters + 4 * 2 * 128 * 7)


def test_the_reference_shape_has_sixty_million_parameters():
    sizes = SHAPES["60m"]
    d, inner = sizes["hidden_size"], sizes["intermediate_size"]
    blocks = sizes["num_hidden_layers"] * (4 * d * d + 3 * d * inner)
    assert 59e6 < blocks + 2 * sizes["vocab_size"] * d < 61e6


def test_every_baseline_answers_what_we_do(capsys):
    threads = torch.get_num_threads()
    flags = "--shape tiny --tokens 12 --new-tokens 3 --repeats 1 --pairs 1 --json"
    perf.main(flags.split())
    assert torch.get_num_threads() == threads
    found = json.loads(capsys.readouterr().out)
    for kind, checked in (("score", 3), ("generate", 6)):
        part = found[kind]
        assert {"seconds", "ratio_paper", "ratio_nnsight", "over_floor", "peak_bytes"} <= set(part)
        assert part["checked"] == part["agreed"] == checked
        assert part["seconds"] > 0
    # 8 layers: 12 + 12 tokens, 64 variants through 4.5 layers of 8 on average.
    assert found["score"]["token_forwards"] == pytest.approx(12 + 12 + 64 * 4.5 / 8)
    text = perf.table(found)
    assert "| baselines' answers equal to ours | 3 of 3 | 6 of 6 |" in text


def test_the_figure_is_drawn(tmp_path):
    curve = Curve("layers", (8, 16), (0.1, 0.2), (1.0, 4.0))
    draw([curve, curve, curve], tmp_path / "cost.png")
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")
