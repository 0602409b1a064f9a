"""Writes at aligned words, against plain hooks that write each token by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from reference import blocks
from tiny import ALIGNED, EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, load, strategy, transplant, transplant_many
from xtransplant.engine.ask.items import item_of
from xtransplant.prompts import item_digest
from xtransplant.strategies import Shape, find_strategy
from xtransplant.strategies.places import ALIGNED as MARK

OTHER = replace(EXAMPLE, alignment=((1, 1), (5, 3)))
N_NEW = 4


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def model(request):
    return load(tiny_checkpoint(request.param))


def stream(module, ids, layer, edits=()):
    """Logits ``[tokens, ids]`` and a block's outputs, some tokens of a block's written."""
    kept, (at, rows) = [], edits or (None, {})

    def hook(_, __, output):
        hidden = output[0] if isinstance(output, tuple) else output
        kept.append(hidden[0].clone())

    def write(_, __, output):
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        for token, row in rows.items():
            hidden[0, token] = row
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handles = [blocks(module)[layer].register_forward_hook(hook)]
    if at is not None:
        handles.append(blocks(module)[at].register_forward_hook(write))
    with torch.no_grad():
        logits = module(torch.tensor([list(ids)])).logits[0]
    for handle in handles:
        handle.remove()
    return logits, kept[0]


def by_hand(model, example, i, j):
    """What to write at each target token: the mean over its source tokens."""
    item = item_of(model, example)
    _, read = stream(model.module, item.source, i)
    own: dict[int, list[torch.Tensor]] = {}
    for source, target in item.aligned:
        own.setdefault(target, []).append(read[source])
    return item, (j, {target: torch.stack(rows).mean(0) for target, rows in own.items()})


@pytest.mark.parametrize("example", [ALIGNED, OTHER], ids=["ALIGNED", "OTHER"])
def test_scores_and_texts_equal_plain_hooks(model, example):
    layers = (0, 2)
    grid = transplant(
        model, example, "aligned-swap", source_layers=layers, target_layers=layers,
        generations=True, max_new_tokens=N_NEW,
    )  # fmt: skip
    for k, (i, j) in enumerate(grid.pairs):
        item, edits = by_hand(model, example, i, j)
        n, expected = len(item.target), []
        for candidate in item.target_candidates:
            logits, _ = stream(model.module, [*item.target, *candidate], j, edits)
            logprobs = logits.log_softmax(-1)
            expected.append(sum(logprobs[n - 1 + m, one] for m, one in enumerate(candidate)))
        np.testing.assert_allclose(grid.scores.logprobs[k], expected, atol=1e-4)
        said = list(item.target)
        for _ in range(N_NEW):
            said.append(int(stream(model.module, said, j, edits)[0][-1].argmax()))
        made = list(grid.generations.token_ids[k])
        assert made == said[n : n + len(made)]
    assert np.abs(grid.scores.logprobs - grid.scores.vanilla).max() > 1e-3


def test_words_end_where_their_last_token_does(model):
    item = item_of(model, ALIGNED)
    for side, ids, words in (
        (0, item.source, EXAMPLE.source.split()), (1, item.target, EXAMPLE.target.split()),
    ):  # fmt: skip
        for pair, tokens in zip(ALIGNED.alignment, item.aligned, strict=True):
            before = model.tokenizer.decode(list(ids)[: tokens[side] + 1], skip_special_tokens=True)
            assert before.split()[-1] == words[pair[side]]
            assert len(before.split()) == pair[side] + 1


def test_one_example_equals_a_batch_of_many(model):
    batch = [ALIGNED, OTHER, ALIGNED, replace(OTHER, alignment=((0, 10),))]
    together = list(transplant_many(model, batch, "aligned-swap"))
    for example, found in zip(batch, together, strict=True):
        alone = transplant(model, example, "aligned-swap")
        np.testing.assert_allclose(found.scores.logprobs, alone.scores.logprobs, atol=1e-5)
    assert np.abs(together[0].scores.logprobs - together[1].scores.logprobs).max() > 1e-3


def test_words_aligned_with_themselves_change_nothing(model):
    n = len(EXAMPLE.target.split())
    same = replace(
        EXAMPLE, source=EXAMPLE.target, alignment=tuple((word, word) for word in range(n))
    )
    grid = transplant(model, same, "aligned-swap", source_layers=[1], target_layers=[1])
    np.testing.assert_allclose(grid.scores.logprobs[0], grid.scores.vanilla, atol=1e-5)


def test_an_alignment_is_part_of_an_item_and_none_is_not():
    assert item_digest(replace(EXAMPLE, alignment=())) == item_digest(EXAMPLE)
    assert len({item_digest(one) for one in (EXAMPLE, ALIGNED, OTHER)}) == 3


@strategy("reads-alone")
def reads_alone(source, target, i, j):
    target.attn[j] = source.attn[i, source.aligned]


@strategy("at-every-step")
def at_every_step(source, target, i, j):
    target.during("all").attn[j, target.aligned] = source.attn[i, source.aligned]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [(reads_alone, "goes with a write at aligned tokens"),
     (at_every_step, "aligned tokens are of the prompts")],
)  # fmt: skip
def test_what_would_not_be_plain_is_refused(chosen, words):
    with pytest.raises(XTransplantError, match=words):
        chosen.edits(Shape(4, 4), 1, 2)


def test_what_has_no_such_word_is_refused(model):
    for alignment, words in (((), "has no alignment"), (((0, 99),), "names word 99 of the target")):
        example = replace(EXAMPLE, alignment=alignment)
        for options in ({}, {"scores": False, "generations": True}):
            with pytest.raises(XTransplantError, match=words):
                transplant(model, example, "aligned-swap", **options)
    (edit,) = find_strategy("aligned-swap").edits(Shape(4, 4), 1, 2)
    with pytest.raises(XTransplantError, match="words are aligned at"):
        MARK.resolve(10, str(edit.place))
