"""The plan in words: which tokens, layers and steps; held to what a grid does (tests/testing)."""

from dataclasses import replace

import pytest

from xtransplant import XTransplantError, strategy
from xtransplant.strategies import Shape
from xtransplant.strategies.edits import When
from xtransplant.strategies.plan import Prompts, resolve_plan

SHAPE = Shape(n_layers=6, n_heads=4)
PROMPTS = Prompts([" a", " b", " c"], [" k", " l", " m", " n"])


@strategy("mixed")
def mixed(source, target, i, j, tokens: int = -1):
    target.head(1)[j, tokens:] = source.head(1)[i, -1]


@strategy("before")
def before(source, target, i, j):
    target.resid_pre[j] = source.resid_post[i]


def plan(chosen, pair=(3, 1), **changes):
    edits = [replace(edit, **changes) for edit in chosen.edits(SHAPE, *pair)]
    return resolve_plan(edits, pair, SHAPE.n_layers, PROMPTS)


def test_tokens_are_named_by_number_and_text():
    found = plan(mixed.with_options({"tokens": -2}))
    (read,), (write,) = found.reads, found.writes
    assert (read.place, read.start, read.stop) == ("source.head(1)[3]", 2, 3)
    assert read.tokens == "the last token, 2 (' c')"
    assert (write.place, write.layer, write.start, write.stop) == ("target.head(1)[1]", 1, 2, 4)
    assert write.tokens == "tokens 2 to 3, the last (' m' to ' n')"
    assert "from token 2 on stay in the cache" in dict(found.generation)["step 0 (prefill)"]
    assert plan(mixed.with_options({"tokens": 0})).writes[0].tokens.startswith("all tokens, 0 to 3")
    with pytest.raises(XTransplantError, match="reaches token -5, but the prompt has 4 tokens"):
        plan(mixed.with_options({"tokens": -5}))


@strategy("heads")
def some_heads(source, target, i, j, heads: int = 4):
    for h in range(heads):
        target.during("all").head(h)[j, :] = 2 * target.head(h)[j, :] + source.head(h)[i, -1]


def test_heads_of_a_layer_are_one_place():
    found = plan(some_heads)
    assert [one.place for one in found.writes] == ["target.head(0 to 3)[1]"]
    assert [one.place for one in found.reads] == [
        "target.head(0 to 3)[1]", "source.head(0 to 3)[3]"
    ]  # fmt: skip
    steps = dict(found.generation)
    assert steps["step 0 (prefill)"].startswith("written: target.head(0 to 3)[1] at all tokens")
    assert steps["steps from 1 on"].startswith("written: target.head(0 to 3)[1] at the one token")
    few = plan(some_heads.with_options({"heads": 2})).writes
    assert [one.place for one in few] == ["target.head(0)[1]", "target.head(1)[1]"]


@pytest.mark.parametrize(
    ("chosen", "j", "words"),
    [
        (mixed, 1, "keys and values of layers 2 to 5 at that token"),
        (before, 1, "keys and values of layers 1 to 5 at that token"),
        (before, 5, "keys and values of layer 5 at that token"),
        (mixed, 5, "no layer is above, so the cache is as it was"),
    ],
)
def test_which_keys_and_values_are_altered(chosen, j, words):
    found = dict(plan(chosen, (3, j)).generation)
    assert words in found["step 0 (prefill)"]
    acts = found["steps from 1 on"]
    assert acts.startswith("nothing is written")
    assert ("the cache is the target's own" in acts) == (words.startswith("no layer"))


@pytest.mark.parametrize(
    ("start", "stop", "steps"),
    [
        (0, None, ["written", "written"]),
        (1, None, ["nothing", "written"]),
        (0, 2, ["written", "written", "nothing"]),
        (0, 4, ["written", "written", "nothing"]),
    ],
)
def test_every_step_says_whether_it_is_written_at(start, stop, steps):
    found = plan(mixed, when=When(start, stop)).generation
    assert [what.partition(" ")[0].rstrip(":") for _, what in found] == steps
    names = [name for name, _ in found]
    assert names[0] == "step 0 (prefill)"
    later = {2: ["step 1", "steps from 2 on"], 4: ["steps 1 to 3", "steps from 4 on"]}
    assert names[1:] == later.get(stop, ["steps from 1 on"])


@pytest.mark.parametrize(
    ("through", "first", "later"),
    [
        ("both", "the next token comes of it, and the altered keys", "act from the cache"),
        ("logits", "the next token alone comes of it", "the cache is the target's own"),
        ("cache", "the next token is the target's own, and the altered", "act from the cache"),
    ],
)
def test_what_a_write_acts_through(through, first, later):
    found = dict(plan(mixed, through=through).generation)
    assert first in found["step 0 (prefill)"]
    assert later in found["steps from 1 on"]
