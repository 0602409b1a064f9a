"""Of the tokens that went through the model, those that are the source prompt's."""

from dataclasses import replace

import pytest
from tiny import tiny_checkpoint

from xtransplant import find_strategy, load
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.packing import MASKED, ROWS, SHARED

ITEM = Item((5, 6, 7, 8, 9), (3, 4, 5), ((7, 8), (9,)), ((4, 2), (6,)))
ALONE = Decoding(3, source_text=False)


@pytest.fixture(scope="module")
def llama():
    return load(tiny_checkpoint("llama"))


@pytest.fixture(scope="module")
def variants(llama):
    swap, shape = find_strategy("ffn-swap"), shape_of(llama)
    return [swap.edits(shape, i, j) for i in range(4) for j in (0, 3)]


@pytest.mark.parametrize("packing", [SHARED, MASKED, ROWS])
@pytest.mark.parametrize("generated", [False, True])
def test_a_longer_source_is_all_of_the_difference(llama, variants, packing, generated):
    """Whatever is generated or scored of the target, and however it is packed."""
    found = []
    for source in (ITEM.source, (*ITEM.source, 11, 12, 13)):
        item = replace(ITEM, source=source)
        if generated:
            run = generate_items(llama, [item], variants, packing=packing, decoding=ALONE)
        else:
            run = score_items(llama, [item], variants, packing=packing)
        found.append(next(iter(run)))
    shorter, longer = found
    assert longer.source_tokens - shorter.source_tokens == 3
    assert longer.token_forwards - shorter.token_forwards == pytest.approx(3)
    assert 5 <= shorter.source_tokens < shorter.token_forwards
    half = shorter.part(0, 4)
    assert half.source_tokens == pytest.approx(shorter.source_tokens / 2)


@pytest.mark.parametrize("packing", [SHARED, ROWS])
def test_texts_of_the_source_are_the_sources(llama, variants, packing):
    alone, asked = (
        next(iter(generate_items(llama, [ITEM], variants, packing=packing, decoding=decoding)))
        for decoding in (ALONE, Decoding(3, source_text=True))
    )
    more = asked.token_forwards - alone.token_forwards
    assert asked.source_tokens - alone.source_tokens == pytest.approx(more)
    assert more >= 5
