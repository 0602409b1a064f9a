"""When an edit acts and what it acts through, held to plain hooks that run one step at a time."""

import numpy as np
import pytest
import torch
from family_cases import CANDIDATES, prompts
from plain_steps import PlainSteps, adding, read_output, whole_likelihood
from reference import blocks
from tiny import EXAMPLE, HYBRID_NAMES, allowed, tiny_checkpoint

from xtransplant import Example, XTransplantError, apply, load, strategy, verify_packing
from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate, generate_items
from xtransplant.engine.score import score, score_items
from xtransplant.packing import MASKED, ROWS, SHARED, Packing
from xtransplant.strategies import fixed

WAYS = (ROWS, MASKED, Packing(growing=True), Packing(shared_prefix=True), SHARED)
PAIRS = [(0, 1), (2, 0), (3, 3), (1, 2)]
# The others are the slow step's.
QUICK = {"gemma3_text", "falcon_h1"}
WORDS = [
    ("prefill", "logits"),
    ("prefill", "cache"),
    ("decode", "both"),
    ("all", "both"),
    ("first(2)", "both"),
    ("first(3)", "both"),
]


@strategy("at-times")
def at_times(source, target, i, j, when: str = "all", through: str = "both"):
    there = target.during(when, through=through)
    there.ffn[j] = 0.8 * source.ffn[i] - 0.5 * there.ffn[j] + 0.1


@strategy("own-function-at-times")
def own_function(source, target, i, j, when: str = "all", through: str = "both"):
    there = target.during(when, through=through)
    there.ffn[j] = apply(_halves, source.ffn[i], target.ffn[j]) + 0.1


def _halves(one, other):
    return 0.8 * one - 0.5 * other


VECTOR = torch.linspace(-1, 1, 48)


@strategy("fixed-at-times")
def fixed_at_times(source, target, i, j, when: str = "all"):
    there = target.during(when)
    there.ffn[j] = there.ffn[j] + fixed(VECTOR, "v")


@strategy("first-and-later")
def first_and_later(source, target, i, j):
    """The same as when="all", said in two edits."""
    for when in ("prefill", "decode"):
        there = target.during(when)
        there.ffn[j] = 0.8 * source.ffn[i] - 0.5 * there.ffn[j] + 0.1


@strategy("every-token")
def every_token(source, target, i, j):
    steered = target.during("all")
    steered.resid_post[j, :] = steered.resid_post[j, :] + 0.5 * source.resid_post[i, -1]


@pytest.mark.parametrize("chosen", [at_times, own_function], ids=str)
@pytest.mark.parametrize(("when", "through"), WORDS)
def test_every_packing_equals_plain_hooks(llama, chosen, when, through):
    item = item_of(llama, EXAMPLE)
    bound = chosen.with_options({"when": when, "through": through})
    scores, texts = [], []
    for i, j in PAIRS:
        value = read_output(llama.module, item.source, i)
        run = PlainSteps(
            llama.module, item.target, ("mlp", j), 0.8 * value + 0.1, -0.5, (when, through)
        )
        scores.append([run.score(ids) for ids in item.target_candidates])
        texts.append(tuple(run.generate(6)))
    for packing in WAYS:
        found = score(llama, EXAMPLE, bound, PAIRS, packing=packing)
        assert np.abs(found.logprobs - scores).max() < 1e-4, packing
        assert np.abs(found.logprobs - found.vanilla).max() > 1e-3
        made = generate(llama, EXAMPLE, bound, PAIRS, packing=packing, max_new_tokens=6)
        assert made.token_ids == tuple(texts), packing


def test_steps_said_apart_are_steps_said_together(llama):
    for packing in (ROWS, SHARED):
        apart = score(llama, EXAMPLE, first_and_later, PAIRS, packing=packing)
        together = score(llama, EXAMPLE, at_times, PAIRS, packing=packing)
        assert np.abs(apart.logprobs - together.logprobs).max() < 1e-5


@strategy("stream-at-times")
def stream_at_times(source, target, i, j, when: str = "all", through: str = "both"):
    there = target.during(when, through=through)
    there.resid_post[j] = 0.8 * source.resid_post[i] + 0.1 - 0.5 * there.resid_post[j]


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in (
            "gemma3_text",
            "gpt2",
            "gpt_oss",
            "bloom",
            *sorted({*HYBRID_NAMES} - {"gemma3n_text"}),
        )
    ],
)
def test_families_equal_plain_hooks(family):
    model = load(tiny_checkpoint(family))
    check = verify_packing(model)
    source, target = prompts()
    item = Item(source, target, CANDIDATES, CANDIDATES)
    pairs = [(1, 2), (3, 0)]
    for when, through in (("all", "both"), ("first(2)", "both"), ("prefill", "logits"),
                          ("prefill", "cache")):  # fmt: skip
        bound = stream_at_times.with_options({"when": when, "through": through})
        edits = [bound.edits(shape_of(model), i, j) for i, j in pairs]
        scores, texts = [], []
        for i, j in pairs:
            value = 0.8 * read_output(model.module, source, i, "block") + 0.1
            run = PlainSteps(model.module, target, ("block", j), value, -0.5, (when, through))
            scores.append([run.score(ids) for ids in CANDIDATES])
            texts.append(tuple(run.generate(5)))
        for way in {check.packing, ROWS}:
            found = next(score_items(model, [item], edits, packing=way))
            assert np.abs(found.logprobs - scores).max() < allowed(model, 1e-4), (when, way)
            decoding = Decoding(5)
            made = next(generate_items(model, [item], edits, packing=way, decoding=decoding))
            assert made.token_ids == tuple(texts), (when, through, way)


@pytest.mark.parametrize("when", ["decode", "all", "first(2)"])
def test_tensors_that_were_there_before_are_written_later_too(llama, when):
    item = item_of(llama, EXAMPLE)
    bound = fixed_at_times.with_options({"when": when})
    runs = [
        PlainSteps(
            llama.module, item.target, ("mlp", j), VECTOR.to(llama.device), 1.0, (when, "both")
        )
        for _, j in PAIRS
    ]
    expected = [[run.score(ids) for ids in item.target_candidates] for run in runs]
    texts = tuple(tuple(run.generate(6)) for run in runs)
    for packing in (ROWS, SHARED):
        found = score(llama, EXAMPLE, bound, PAIRS, packing=packing)
        assert np.abs(found.logprobs - expected).max() < 1e-4, packing
        made = generate(llama, EXAMPLE, bound, PAIRS, packing=packing, max_new_tokens=6)
        assert made.token_ids == texts, packing


def test_every_token_of_prompt_and_text(llama):
    """A hook that adds a vector wherever the model computes a token."""
    item = item_of(llama, EXAMPLE)
    expected = []
    for i, j in PAIRS:
        value = 0.5 * read_output(llama.module, item.source, i, "block")
        handle = blocks(llama.module)[j].register_forward_hook(adding(value))
        expected.append(
            [whole_likelihood(llama.module, item.target, ids) for ids in item.target_candidates]
        )
        handle.remove()
    for packing in WAYS:
        found = score(llama, EXAMPLE, every_token, PAIRS, packing=packing)
        assert np.abs(found.logprobs - expected).max() < 1e-4, packing
    texts = [
        generate(llama, EXAMPLE, every_token, PAIRS, packing=packing, max_new_tokens=6).token_ids
        for packing in WAYS
    ]
    assert len(set(texts)) == 1


@pytest.mark.parametrize("when", ["all", "first(2)"])
def test_a_batch_equals_one_by_one(llama, when):
    """Also where candidates of several examples branch otherwise."""
    others = [
        EXAMPLE,
        Example(EXAMPLE.target, EXAMPLE.source, EXAMPLE.candidates[:2]),
        Example(EXAMPLE.target, EXAMPLE.target, EXAMPLE.candidates[::-1]),
    ]
    items = [item_of(llama, one) for one in others]
    edits = [at_times.with_options({"when": when}).edits(shape_of(llama), i, j) for i, j in PAIRS]
    together = list(score_items(llama, items, edits, packing=SHARED))
    for one, found in zip(items, together, strict=True):
        alone = next(score_items(llama, [one], edits, packing=ROWS))
        assert np.abs(alone.logprobs - found.logprobs).max() < 1e-4


def test_bounds_are_not_taken_of_what_acts_later(llama):
    """A candidate's later tokens are run with their edits, also where not all are wanted."""
    item = item_of(llama, EXAMPLE, exact_scores=False)
    edits = [at_times.edits(shape_of(llama), i, j) for i, j in PAIRS] * 300
    found = next(score_items(llama, [item], edits, packing=SHARED))
    exact = next(score_items(llama, [item_of(llama, EXAMPLE)], edits[:4], packing=ROWS))
    assert found.bounds is None
    assert np.abs(found.logprobs[:4] - exact.logprobs).max() < 1e-4


def test_histories_need_not_be_shared(llama):
    item = item_of(llama, EXAMPLE)
    edits = [at_times.edits(shape_of(llama), i, j) for i in range(4) for j in range(4)]
    texts = [
        next(
            generate_items(
                llama, [item], edits, packing=SHARED,
                decoding=Decoding(6, share_histories=share, with_certainty=True),
            )
        )
        for share in (True, False)
    ]  # fmt: skip
    assert texts[0].token_ids == texts[1].token_ids
    assert len(set(texts[0].token_ids)) > 1


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda s, t, j: _set(t.during("decode"), j, slice(2, 4), 0), "one token after the prompt"),
        (lambda s, t, j: _set(t.during("all"), j, -1, t.ffn[j, 0]), "[layer, :] for all"),
        (
            lambda s, t, j: _set(t.during("all", through="cache"), j, -1, 0),
            'through="cache" goes with during("prefill")',
        ),
        (
            lambda s, t, j: [_set(t.during(when), j, -1, 0) for when in ("prefill", "all")],
            "write the same tokens",
        ),
        (
            lambda s, t, j: [_set(t.during("all"), j, -1, 0), _set(t, j, -1, t.ffn[j] + 1)],
            "is read after",
        ),
    ],
)
def test_what_no_step_can_mean_is_refused(llama, write, words):
    @strategy("unclear")
    def unclear(source, target, i, j):
        write(source, target, j)

    with pytest.raises(XTransplantError) as error:
        unclear.edits(shape_of(llama), 0, 1)
    assert words in str(error.value)


def test_edits_of_one_variant_act_through_the_same(llama):
    @strategy("both-ways")
    def both_ways(source, target, i, j):
        target.during(through="logits").ffn[j] = source.ffn[i]
        target.during(through="cache").attn[j] = source.attn[i]

    with pytest.raises(XTransplantError, match="act through the same"):
        score(llama, EXAMPLE, both_ways, PAIRS, packing=SHARED)


def _set(target, layer, span, value):
    target.ffn[layer, span] = value
