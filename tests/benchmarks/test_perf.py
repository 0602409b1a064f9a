"""The measuring itself: what is counted is right, and what is compared agrees. No timing."""

import json

import pytest
import torch

from xtransplant.benchmarks.perf import __main__ as perf
from xtransplant.benchmarks.perf.choice import choice_item, choice_table, measure_choice
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


@pytest.mark.slow
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


def test_the_floor_of_a_choice_counts_shared_tokens_one_candidate_and_the_head():
    with shaped("tiny", n_layers=2) as model:
        found = measure_choice(model, choice_item(model, 12, None), rounds=1, pairs_a_round=2)
    # The source's 12 tokens; the target's, the one that all candidates share, and both of 2 and 4
    # variants; then a token of each variant and of the prompt's 3 candidates.
    tokens = 12 + (17 + 21) / 2 + (5 + 7) / 2
    attention = 4 * 2 * 128 * 12
    head = (1 + 5 + 7) * 2 * 1024 * 128
    parameters = 2 * (4 * 128 * 128 + 3 * 128 * 384)
    assert found["operations"]["floor"] == tokens * (2 * parameters + attention) + head
    assert found["checked"] == found["agreed"] == 2
    assert found["same_choice"] == 1
    named = {"shape": "tiny", "dtype": "float32", "device": "cpu", "threads": 1}
    assert "100.0% of the cells" in choice_table({**named, **found})


def test_shapes_of_models_that_people_load_are_theirs():
    for shape, blocks, vocabulary in (
        ("gemma3-270m", 100.3e6, 167.8e6),
        ("smollm2-135m", 106.2e6, 28.3e6),
    ):
        sizes = SHAPES[shape]
        d, width = (
            sizes["hidden_size"],
            sizes.get("head_dim", sizes["hidden_size"] // sizes["heads"]),
        )
        attention = 2 * d * width * (sizes["heads"] + sizes["kv_heads"])
        own = sizes["num_hidden_layers"] * (attention + 3 * d * sizes["intermediate_size"])
        assert own == pytest.approx(blocks, rel=1e-3)
        assert sizes["vocab_size"] * d == pytest.approx(vocabulary, rel=1e-3)
