"""Packing as a tree: every token sees its own past and nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xtransplant.packing import MASKED, ROWS, SHARED, Packing, pack, reach, rows

PROMPTS = st.lists(st.integers(3, 30), min_size=1, max_size=8)
CANDIDATES = st.lists(st.lists(st.integers(3, 6), min_size=1, max_size=4), max_size=5)
N_LAYERS = 4
STARTS = st.lists(st.integers(0, N_LAYERS - 1), max_size=6)


@st.composite
def batches(draw):
    """Prompts, candidates of each, the tokens that variants have for themselves, their layers."""
    prompts = draw(st.lists(PROMPTS, min_size=1, max_size=4))
    candidates = [draw(CANDIDATES) for _ in prompts]
    n_chain = draw(st.integers(1, min(map(len, prompts))))
    return prompts, candidates, n_chain, draw(STARTS)


def past(layout, example, place):
    """Ids and positions of what a block's token sees: the trunk, then its own block."""
    real = layout.trunk_real[example]
    seen = layout.block_sees[example, place]
    ids = torch.cat([layout.trunk_ids[example, real], layout.block_ids[example, seen]])
    positions = torch.cat(
        [layout.trunk_positions[example, real], layout.block_positions[example, seen]]
    )
    return ids.tolist(), positions.tolist()


@given(batches())
def test_each_packed_token_sees_the_text_it_would_have_alone(batch):
    prompts, candidates, n_chain, starts = batch
    layout = pack(prompts, n_chain, starts, candidates, inline=False)
    for example, prompt in enumerate(prompts):
        ids, positions = past(layout, example, n_chain - 1)
        assert ids == prompt
        assert positions == list(range(len(prompt)))
        edges = 0
        for edge, owner in enumerate(layout.edge_candidates[example].tolist()):
            if owner < 0:
                continue
            ids, positions = past(layout, example, int(layout.edge_nodes[example, edge]))
            depth = len(ids) - len(prompt)
            assert ids == prompt + candidates[example][owner][:depth]
            assert positions == list(range(len(ids)))
            assert int(layout.edge_tokens[example, edge]) == candidates[example][owner][depth]
            edges += 1
        assert edges == sum(map(len, candidates[example]))
        # What fills the list up is no candidate's, and is read where every block has a token.
        filling = layout.edge_candidates[example] < 0
        assert (layout.edge_candidates[example, filling] == -1).all()
        assert (layout.edge_nodes[example, filling] == n_chain - 1).all()


def sequence(layout, example):
    """Token ids of a layout's input with every block in it, column by column."""
    trunk = layout.trunk_ids[example] if layout.inline else layout.trunk_ids[example, :0]
    return torch.cat([trunk, layout.block_ids[example].repeat(1 + len(layout.starts))])


@given(batches(), st.booleans())
def test_a_column_holds_the_token_it_stands_for(batch, inline):
    prompts, candidates, n_chain, starts = batch
    layout = pack(prompts, n_chain, starts, candidates, inline=inline)
    assert layout.inline == inline
    assert layout.block_ids.dtype == layout.trunk_ids.dtype == torch.long
    assert layout.block_sees.dtype == layout.trunk_real.dtype == torch.bool
    ids = [sequence(layout, example) for example in range(len(prompts))]
    length = len(prompts[0])
    for layer in range(N_LAYERS):
        for variant in (None, *range(len(starts))):
            # Tokens that every prompt has; of a trunk in another pass there are no columns.
            reached = min(map(len, prompts)) if inline else n_chain
            for token in range(length - reached, length):
                (column,) = layout.columns(variant, token, layer)
                assert column >= 0
                for prompt, own in zip(prompts, ids, strict=True):
                    assert int(own[column]) == prompt[token - length]


def test_columns_of_a_trunk_that_is_another_pass_are_not_asked_for():
    layout = pack([[5, 6, 7]], 1, (0,), [[]], inline=False)
    with pytest.raises(AssertionError):
        layout.columns(0, 0, 0)


@given(batches(), st.booleans())
def test_columns_are_told_apart_and_counted_from_the_prompts_end(batch, inline):
    prompts, candidates, n_chain, starts = batch
    layout = pack(prompts, n_chain, starts, candidates, inline=inline)
    length = len(prompts[0])
    for layer in range(N_LAYERS):
        columns = {layout.columns(None, length - 1, layer)}
        for variant, start in enumerate(starts):
            (column,) = layout.columns(variant, length - 1, layer)
            if layer < start:
                assert {(column,)} == {layout.columns(None, length - 1, layer)}
                continue
            assert (column,) not in columns
            columns.add((column,))
            # Blocks that have not joined yet lie behind all that have.
            end = (layout.n_trunk if inline else 0) + layout.n_blocks(layer) * layout.n_block
            assert column < end
        assert len(columns) == layout.n_blocks(layer)
    read = layout.readout
    kept = read.keep.view(read.n_blocks, -1)
    for speaker, block in zip((None, *range(len(starts))), read.order, strict=True):
        assert (int(kept[block, read.end]),) == layout.columns(speaker, length - 1, N_LAYERS)
    for example in range(len(prompts)):
        places = kept[0, read.nodes[example]] - layout.column(0, 0)
        assert places.tolist() == layout.edge_nodes[example].tolist()


@given(PROMPTS, st.integers(1, 4), CANDIDATES, st.data())
def test_rows_are_the_prompt_less_what_is_cached(prompt, n_variants, candidates, data):
    cached = data.draw(st.integers(0, len(prompt) - 1))
    layout = rows(prompt, n_variants, candidates, cached=cached)
    n_rows, length = layout.ids.shape
    assert (layout.prompt_length, layout.cached) == (len(prompt), cached)
    assert layout.positions.tolist() == [list(range(cached, cached + length))] * n_rows
    assert layout.padding.shape == layout.ids.shape
    # Every row belongs to one variant, and is all real up to where it ends.
    assert sorted(row for own in layout.variant_rows for row in own) == list(range(n_rows))
    for row, real in enumerate(layout.padding):
        filled = int(real.sum())
        assert real[:filled].all()
        assert not layout.ids[row, filled:].any()
        path = layout.ids[row, len(prompt) - cached : filled].tolist()
        assert any(path == candidate[: len(path)] for candidate in [[], *candidates])
    assert int(layout.readout.keep[layout.readout.end]) == len(prompt) - 1 - cached
    assert (layout.readout.n_blocks, layout.readout.order) == (n_variants, tuple(range(n_variants)))
    assert layout.edge_tokens.dtype == layout.readout.nodes.dtype == torch.long
    for variant in range(n_variants):
        for token in range(cached, len(prompt)):
            columns = layout.columns(variant, token, 0)
            assert len(columns) == len(layout.variant_rows[variant])
            assert [int(layout.ids.flatten()[column]) for column in columns] == [
                prompt[token]
            ] * len(columns)
            assert [column // length for column in columns] == list(layout.variant_rows[variant])
    assert layout.columns(None, len(prompt) - 1, 0) == layout.columns(0, len(prompt) - 1, 0)


@pytest.mark.parametrize(
    ("packing", "words"),
    [
        (ROWS, "one variant per batch row"),
        (MASKED, "packed"),
        (Packing(growing=True), "packed (growing)"),
        (SHARED, "packed (growing, shared prefix)"),
    ],
)
def test_a_packing_says_what_it_is(packing, words):
    assert str(packing) == words


@given(PROMPTS, st.integers(1, 4), CANDIDATES)
def test_rows_hold_every_candidate_of_every_variant(prompt, n_variants, candidates):
    layout = rows(prompt, n_variants, candidates)
    read = layout.readout
    assert int(read.keep[read.end]) == len(prompt) - 1
    for variant in range(n_variants):
        for edge, token in enumerate(layout.edge_tokens[0].tolist()):
            row, place = divmod(int(read.nodes[0, edge]), len(read.keep))
            row, column = row + layout.variant_rows[variant][0], int(read.keep[place])
            candidate = candidates[int(layout.edge_candidates[0, edge])]
            depth = column + 1 - len(prompt)
            assert row in layout.variant_rows[variant]
            assert layout.ids[row, : column + 1].tolist() == prompt + candidate[:depth]
            assert layout.padding[row, : column + 1].all()
            assert token == candidate[depth]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=9), st.integers(1, 5))
def test_windows_go_by_position_and_not_by_column(positions, width):
    places = torch.tensor(positions)
    sees = torch.ones(len(places), len(places), dtype=torch.bool)
    sliding = reach(sees, places, places, sliding=width)
    chunked = reach(sees, places, places, chunk=width)
    for q, k in sees.nonzero().tolist():
        assert bool(sliding[q, k]) == (positions[q] - positions[k] < width)
        assert bool(chunked[q, k]) == (positions[q] // width == positions[k] // width)


def test_common_prefixes_of_candidates_are_laid_out_once():
    layout = pack([[5, 6]], 1, (), [[[1, 2, 3], [1, 2, 4], [1, 9]]], inline=False)
    assert layout.trunk_ids.tolist() == [[5]]
    assert layout.block_ids.tolist() == [[6, 1, 2]]
