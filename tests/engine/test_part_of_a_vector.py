"""Some numbers of a vector are written, by index or mask: as plain hooks write them, no other."""

import numpy as np
import pytest
import torch
from reference import continued, read_last
from tiny import EXAMPLE

from xtransplant import XTransplantError, strategy
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.packing import MASKED, ROWS, SHARED
from xtransplant.strategies import Shape

SOME, OTHERS = (3, 40, 41, 95), (0, 2)
CANDIDATES = [[7], [8, 9]]
PAIRS = [(0, 3), (2, 1), (3, 2)]


@strategy("some-neurons")
def some_neurons(source, target, i, j):
    target.neurons(*SOME)[j] = source.neurons[i]
    target.neurons([k in OTHERS for k in range(96)])[j] = 0


@strategy("all-neurons")
def all_neurons(source, target, i, j):
    target.neurons[j] = source.neurons[i]


def test_some_numbers_are_written_as_plain_hooks_write_them(llama):
    source, target = (prompt_ids(llama, text) for text in (EXAMPLE.source, EXAMPLE.target))
    item = Item(source, target, CANDIDATES, CANDIDATES)
    # Beside them one that writes all numbers at the same place.
    variants = [some_neurons.edits(shape_of(llama), i, j) for i, j in PAIRS]
    variants.append(all_neurons.edits(shape_of(llama), 0, 3))
    for way in (SHARED, MASKED, ROWS):
        found = next(score_items(llama, [item], variants, packing=way))
        said = next(
            generate_items(llama, [item], variants, packing=way, decoding=Decoding(4))
        ).token_ids
        for n, (i, j) in enumerate([*PAIRS, (0, 3)]):
            value = read_last(llama.module, source, "neurons", i)
            own = read_last(llama.module, target, "neurons", j)
            if n < len(PAIRS):
                kept = own.clone()
                kept[list(SOME)] = value[list(SOME)]
                kept[list(OTHERS)] = 0
                value = kept
            texts = [*CANDIDATES, list(said[n])]
            *scored, after = continued(llama.module, "neurons", j, value, target, texts)
            for k, logprobs in enumerate(scored):
                total = sum(float(logprobs[t, token]) for t, token in enumerate(CANDIDATES[k]))
                assert abs(found.logprobs[n, k] - total) < 1e-4, (way, n)
            assert after.argmax(-1).tolist()[: len(said[n])] == list(said[n]), (way, n)
            assert np.abs(found.logprobs[n] - found.vanilla).max() > 1e-4


def test_what_is_written_is_measured_alone(llama):
    source, target = (prompt_ids(llama, text) for text in (EXAMPLE.source, EXAMPLE.target))
    item = Item(source, target, CANDIDATES, CANDIDATES)
    edits = some_neurons.edits(shape_of(llama), 0, 3)[:1]
    found = next(score_items(llama, [item], [edits], packing=SHARED)).writes
    value, own = (
        read_last(llama.module, ids, "neurons", layer)[list(SOME)]
        for ids, layer in ((source, 0), (target, 3))
    )
    norms = [float(np.ravel(one)[0]) for one in (found.written_norm, found.replaced_norm)]
    assert np.allclose(norms, [float(value.norm()), float(own.norm())], rtol=1e-4)


SHAPE = Shape(4, 4, d_model=48, widths={"neurons": (96,) * 4})


def _overlapping(source, target, i, j):
    target.neurons(1, 2)[j] = 0
    target.neurons(2, 3)[j] = 1


def _read_after(source, target, i, j):
    target.neurons(1, 2)[j] = 0
    target.neurons[j] = target.neurons[j] * 2


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda s, t, i, j: t.neurons(96).__setitem__(j, 0), "96 wide: there are 0 to 95, not 96"),
        (lambda s, t, i, j: t.neurons(-1).__setitem__(j, 0), "places from 0 on"),
        (lambda s, t, i, j: t.neurons([True] * 48).__setitem__(j, 0), "96 wide and its mask 48"),
        (lambda s, t, i, j: t.neurons(1.5).__setitem__(j, 0), "is a whole number"),
        (lambda s, t, i, j: t.neurons([False] * 96).__setitem__(j, 0), "one at least, not none"),
        (lambda s, t, i, j: t.neurons.__setitem__(j, s.neurons(1)[i]), "a read is of the whole"),
        (lambda s, t, i, j: t.attn.__setitem__(j, s.neurons[i]), "neurons is d_ff wide, attn d_mo"),
        (_overlapping, "write the same tokens"),
        (_read_after, "is read after"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(function, says):
    with pytest.raises(XTransplantError, match=says) as found:
        strategy("wrong")(function).edits(SHAPE, 1, 2)
    assert "\n" not in str(found.value)


def test_it_reads_as_it_was_written():
    first, second = some_neurons.edits(SHAPE, 1, 2)
    assert str(first) == "target.neurons(3, 40, 41, 95)[j] = source.neurons[i]"
    assert str(second) == "target.neurons(0, 2)[j] = 0"
    many = torch.arange(10)

    @strategy("many")
    def chosen(source, target, i, j):
        target.resid_post(many)[j] = 0

    assert str(chosen.edits(SHAPE, 1, 2)[0]) == "target.resid_post(0, 1, 2, 3, ... 6 more)[j] = 0"
