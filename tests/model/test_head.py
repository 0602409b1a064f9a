"""The vocabulary's projection a few ids at a time: what the model's own code gives."""

from types import SimpleNamespace

import pytest
import torch
from tiny import VOCABULARY, tiny_checkpoint

from xtransplant import load
from xtransplant.engine.compile.steps import Wanted
from xtransplant.engine.trace.logits import read_outputs

# What these do to the projection's output: bound it, multiply it, divide it, nothing.
FAMILIES = ("gemma2", "cohere", "granite", "llama", "gpt2", "gemma3_text")


def wanted(n_examples, n_blocks, n_places, tokens, top_k):
    nodes = torch.randint(n_places, tokens.shape)
    return Wanted(
        n_examples=n_examples, n_blocks=n_blocks, keep=torch.arange(n_blocks * n_places),
        order=torch.arange(n_blocks), nodes=nodes, tokens=tokens, end=1, top_k=top_k,
        normed=torch.ones(n_examples, n_places, dtype=torch.bool),
    )  # fmt: skip


def run(model, ids):
    """Hidden states that the projection is given, and the model's logits."""
    seen = []
    handle = model.module.get_output_embeddings().register_forward_hook(
        lambda module, args, output: seen.append(args[0])
    )
    logits = model.module(input_ids=ids, use_cache=False).logits
    handle.remove()
    return seen[0], logits


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_give_what_the_whole_gives(family):
    torch.manual_seed(0)
    model = load(tiny_checkpoint(family))
    assert model.head is not None
    hidden, logits = run(model, torch.randint(3, VOCABULARY, (2, 12)))
    asked = wanted(2, 4, 3, torch.randint(VOCABULARY, (2, 7)), 5)
    # At least 256 ids at a time: three parts.
    parts = {**model.head.plain(), "at_once": 1}
    found, plain = read_outputs(hidden, parts, asked), read_outputs(logits, None, asked)
    assert torch.equal(found["ids"], plain["ids"])
    for name in ("edges", "top"):
        assert (found[name] - plain[name]).abs().max() < 1e-5
        assert plain[name].std() > 1e-3


def test_where_ids_are_only_ranked_what_comes_is_a_bound_and_its_differences_hold():
    model = load(tiny_checkpoint("llama"))
    hidden, _ = run(model, torch.randint(3, VOCABULARY, (2, 12)))
    asked = wanted(2, 4, 3, torch.tensor([[5, 6, 7], [8, 9, 7]]), 0)
    asked["nodes"] = torch.full((2, 3), 2)
    exact = read_outputs(hidden, model.head.plain(), asked)["edges"]
    asked["normed"][:, 2] = False
    bounds = read_outputs(hidden, model.head.plain(), asked)["edges"]
    assert (bounds > exact).all()
    assert (bounds.diff(dim=-1) - exact.diff(dim=-1)).abs().max() < 1e-5
    # Only these three could come next.
    assert (bounds.exp().sum(-1) - 1).abs().max() < 1e-5


@pytest.mark.parametrize("spoilt", [torch.nan, torch.inf])
def test_what_is_not_finite_shows_and_ids_that_are_ruled_out_do_not_matter(spoilt):
    model = load(tiny_checkpoint("llama"))
    hidden, _ = run(model, torch.randint(3, VOCABULARY, (1, 12)))
    asked = wanted(1, 4, 3, torch.tensor([[5, 6]]), 3)
    head = {**model.head.plain(), "bias": torch.zeros(VOCABULARY), "at_once": 1}
    head["bias"][300:] = -torch.inf
    few = read_outputs(hidden, head, asked)
    assert few["edges"].isfinite().all()
    assert few["top"].isfinite().all()
    assert (few["ids"] < 300).all()
    head["bias"][301] = spoilt
    broken = read_outputs(hidden, head, asked)
    assert not broken["edges"].isfinite().any()
    assert not broken["top"].isfinite().any()


def test_what_is_done_to_logits_in_a_way_not_known_here_is_left_to_the_model():
    model = load(tiny_checkpoint("llama"))
    plain = model.module.forward
    model.module.forward = lambda *args, **named: SimpleNamespace(
        logits=plain(*args, **named).logits.relu()
    )
    assert model.head is None
