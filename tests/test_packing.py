"""Packing as a tree: every token sees its own past and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from xtransplant.packing import pack, rows, visible_mask

PROMPTS = st.lists(st.integers(3, 30), min_size=1, max_size=8)
CANDIDATES = st.lists(st.lists(st.integers(3, 6), min_size=1, max_size=4), max_size=5)


@given(PROMPTS, st.data(), CANDIDATES)
def test_each_packed_token_sees_the_text_it_would_have_alone(prompt, data, candidates):
    branches = data.draw(st.lists(st.integers(0, len(prompt)), min_size=1, max_size=6))
    layout = pack(prompt, branches, candidates)
    ids, positions = layout.ids[0], layout.positions[0]
    for variant in range(len(branches)):
        end = int(layout.ends[variant, 1])
        seen = layout.ancestors[end].nonzero().flatten()
        assert ids[seen].tolist() == prompt
        assert positions[seen].tolist() == list(range(len(prompt)))
        # A variant's own tokens are seen by nobody else's end.
        own = [layout.nodes(variant, t)[0][1] for t in range(branches[variant], len(prompt))]
        for other in range(len(branches)):
            if other != variant and own:
                others_end = int(layout.ends[other, 1])
                assert not layout.ancestors[others_end, own].any()
        for edge, token in enumerate(layout.edge_tokens.tolist()):
            candidate = candidates[int(layout.edge_candidates[edge])]
            column = int(layout.reads[variant, edge, 1])
            seen = layout.ancestors[column].nonzero().flatten()
            text = ids[seen][positions[seen].argsort()].tolist()
            depth = len(text) - len(prompt)
            assert text == prompt + candidate[:depth]
            assert token == candidate[depth]
    assert len(layout.edge_tokens) == sum(map(len, candidates))


@given(PROMPTS, st.integers(1, 4), CANDIDATES)
def test_rows_hold_every_candidate_of_every_variant(prompt, n_variants, candidates):
    layout = rows(prompt, n_variants, candidates)
    for variant in range(n_variants):
        for edge, token in enumerate(layout.edge_tokens.tolist()):
            row, column = layout.reads[variant, edge].tolist()
            candidate = candidates[int(layout.edge_candidates[edge])]
            depth = column + 1 - len(prompt)
            assert row in layout.variant_rows[variant]
            assert layout.ids[row, : column + 1].tolist() == prompt + candidate[:depth]
            assert layout.padding[row, : column + 1].all()
            assert token == candidate[depth]


@given(PROMPTS, CANDIDATES, st.integers(1, 5))
def test_windows_go_by_position_and_not_by_column(prompt, candidates, reach):
    layout = pack(prompt, [len(prompt) - 1] * 3, candidates)
    positions = layout.positions[0]
    sliding = visible_mask(layout.ancestors, positions, sliding=reach)
    chunked = visible_mask(layout.ancestors, positions, chunk=reach)
    for q, k in layout.ancestors.nonzero().tolist():
        assert bool(sliding[q, k]) == (int(positions[q] - positions[k]) < reach)
        assert bool(chunked[q, k]) == (int(positions[q]) // reach == int(positions[k]) // reach)
    assert not (sliding & ~layout.ancestors).any()


def test_common_prefixes_of_candidates_are_laid_out_once():
    layout = pack([5, 6], [1], [[1, 2, 3], [1, 2, 4], [1, 9]])
    assert layout.ids[0].tolist() == [5, 6, 6, 1, 2]
