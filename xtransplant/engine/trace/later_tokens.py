"""The later tokens of candidates: of the likeliest first, then of those that may still win.

What comes first of each candidate has run with the prompt, which left the keys and values of every
variant. A *row* here is one candidate of one variant, or of the prompt without a transplant; all of
them read on together, a token at a time, as texts are generated
(:mod:`xtransplant.engine.trace.decoding`). What a row's candidate has in common with others of its
kind in the layers below the one its variant writes at runs once: its *history* is its candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import nnsight
import numpy as np
import torch
from torch import Tensor

from xtransplant.engine.ask.pruning import Opening, bounds_are_cheap, ruled_out
from xtransplant.engine.compile.decoding_plan import plan_step
from xtransplant.engine.compile.shared_prefix import KeysValues, Trunk
from xtransplant.engine.compile.steps import Step, Wanted
from xtransplant.engine.trace.apply import apply_edits
from xtransplant.engine.trace.attention import shared_attention
from xtransplant.engine.trace.decoding import make_step
from xtransplant.engine.trace.decoding_rows import DecodingRows, drop_ended
from xtransplant.engine.trace.likely_ids import LikelyIds
from xtransplant.engine.trace.logits import read_pass
from xtransplant.model.model import Model
from xtransplant.packing import Layout

__all__ = ["Opened", "finish_candidates"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Opened:
    """One example's candidates after the pass that ran their first tokens.

    Attributes:
        layout: of that pass.
        example: which of its examples this is.
        trunk: each layer's keys and values of the trunk; None where there is no trunk.
        blocks: each layer's of the blocks.
        opening: what of the candidates has run.
        candidates: all their tokens.
        lengths: as in :class:`xtransplant.engine.ask.items.Item`.
        sums: ``[1 + n_variants, n_candidates]``, log-likelihoods so far, of the prompt first.
        steps, token_forwards: passes of :func:`finish_candidates`, and how often a token went
            through the whole model in them.
    """

    layout: Layout
    example: int
    trunk: Sequence[Trunk] | None
    blocks: Sequence[KeysValues]
    opening: Opening
    candidates: Sequence[Sequence[int]]
    lengths: Sequence[int]
    sums: Floats
    steps: int = 0
    token_forwards: float = 0.0
    done: Bools = field(init=False)

    def __post_init__(self) -> None:
        """Candidates that the opening holds whole are done."""
        over = [
            len(a) == len(b) for a, b in zip(self.opening.candidates, self.candidates, strict=True)
        ]
        self.done = np.tile(np.array(over, dtype=np.bool_), (len(self.sums), 1))


@torch.no_grad()
def finish_candidates(model: Model, opened: Opened) -> None:
    """Run on until no candidate that is not done can be chosen; ``opened`` is changed in place.

    The prompt without a transplant runs all of its candidates. Every variant runs the one that is
    likeliest if later tokens are worth what they are to the prompt, and then all that are not ruled
    out: for an upper bound first, where that is cheap. What is left has one in ``sums``.

    Args:
        model: reads on.
        opened: the candidates.
    """
    own = np.zeros_like(opened.done)
    own[0] = True
    likely = LikelyIds() if bounds_are_cheap(model) else None
    before = opened.sums[0].copy()
    _run(model, opened, own & ~opened.done, likely)
    _run(model, opened, _promising(opened, opened.sums[0] - before) & ~opened.done)
    rest = ~opened.done & ~_ruled_out(opened)
    if likely is not None and model.head and likely.close(opened.candidates, model.head):
        exact = opened.sums.copy()
        _run(model, opened, rest, likely)
        rest &= ~_ruled_out(opened)
        opened.sums[rest] = exact[rest]
    _run(model, opened, rest)


def _promising(opened: Opened, later: Floats) -> Bools:
    """Per variant the candidates that are chosen if their later tokens are worth ``later``.

    One by the log-likelihood, and one by that over its length; the first where all are NaN.
    """
    found = np.zeros_like(opened.done)
    for divisor in (1, np.array(opened.lengths)) if len(opened.lengths) else (1,):
        worth = (opened.sums + np.where(opened.done, 0.0, later)) / divisor
        best = np.where(np.isnan(worth), -np.inf, worth).argmax(axis=1)
        found[np.arange(len(found)), best] = True
    found[0] = False
    return found


def _ruled_out(opened: Opened) -> Bools:
    return ruled_out(opened.sums, opened.done, opened.lengths)


def _run(model: Model, opened: Opened, chosen: Bools, likely: LikelyIds | None = None) -> None:
    """Run some candidates of some variants on, to their ends or until they are ruled out.

    ``chosen`` is ``[1 + n_variants, n_candidates]``. What runs among likely ids only is not done.
    """
    exact = likely is None or likely.chosen is None
    if not chosen.any():
        return
    shared = opened.opening.n_shared
    rows, candidates = _make_rows(model, opened, chosen)
    trunk, n_trunk = _own_trunk(opened)
    for step in range(opened.opening.longest - shared - 1):
        ids = [opened.candidates[c] for c in candidates]
        last = np.array([ids[h][min(shared + step, len(ids[h]) - 1)] for h in rows.history])
        rows.token = last.astype(np.int64)
        plan = plan_step(
            rows.start, rows.history, rows.token, rows.alive,
            n_histories=rows.n_histories, n_layers=model.n_layers,
        )  # fmt: skip
        inputs, joins = make_step(model, rows, plan, trunk, n_trunk + rows.filled)
        wanted = np.array([one[min(shared + step + 1, len(one) - 1)] for one in ids])
        tokens, place = np.unique(wanted, return_inverse=True)
        top = plan.layers[-1].histories
        with shared_attention(model):
            found = _trace_step(
                model, inputs, joins, plan.layers[-1].n_columns, tokens, likely, len(top)
            )
        opened.steps += 1
        opened.token_forwards += plan.token_forwards
        rows.filled += 1
        _add(opened, rows, candidates, found[:, place], top)
        ends = np.array([shared + step + 2 >= len(one) for one in ids])
        here = rows.variant, np.array(candidates)[rows.history]
        opened.done[here] |= rows.alive & ends[rows.history] & exact
        # The prompt's own run to their ends.
        rows.alive &= ~ends[rows.history] & ((rows.variant == 0) | ~_ruled_out(opened)[here])
        if not rows.alive.any():
            return
        drop_ended(rows)


def _add(
    opened: Opened, rows: DecodingRows, candidates: Sequence[int], found: Floats, top: Ints
) -> None:
    """Add what a step found of the rows that go on.

    ``found`` is ``[n_columns, n_histories]``, of every column the log-probability of each
    candidate's next token; ``top`` are the histories among the columns, which are the first. The
    rows of a prompt that shares them have no column of their own.
    """
    n_own = len(found) - len(top)
    column = {int(history): number for number, history in enumerate(top)}
    for row in np.flatnonzero(rows.alive):
        history = int(rows.history[row])
        at = len(top) + row if row < n_own else column[history]
        opened.sums[rows.variant[row], candidates[history]] += found[at, history]


def _make_rows(model: Model, opened: Opened, chosen: Bools) -> tuple[DecodingRows, list[int]]:
    """Rows with keys and values of their own, and the candidate of each history."""
    layout = opened.layout
    variant, candidate = np.nonzero(chosen)
    candidates, history = np.unique(candidate, return_inverse=True)
    blocks, starts = np.array([0, *layout.blocks]), np.array([0, *layout.starts])
    # In the order in which the blocks join; the prompt's own rows never do, where others share it.
    block = blocks[variant]
    start = np.maximum(starts[variant], 0)
    start[variant == 0] = model.n_layers
    order = np.lexsort((block, start))
    filled = layout.n_chain + opened.opening.n_shared
    room = filled + opened.opening.longest - opened.opening.n_shared
    own, shared = [], []
    for layer, kept in enumerate(opened.blocks):
        joined = order[start[order] <= layer]
        pair = [_blocks_of(one[opened.example], layout.n_block, filled) for one in kept.both]
        own.append(_cache(pair, block[joined], len(order), room))
        shared.append(
            _cache(pair, np.zeros(len(candidates), dtype=np.int64), len(candidates), room)
        )
    rows = DecodingRows(
        variant=variant[order], start=start[order], history=history.reshape(-1)[order],
        token=np.zeros(len(order), dtype=np.int64), alive=np.ones(len(order), dtype=np.bool_),
        own=own, shared=shared, filled=filled, sharing=True,
    )  # fmt: skip
    return rows, candidates.tolist()


def _blocks_of(kept: Tensor, size: int, filled: int) -> Tensor:
    """Keys or values of a pass's blocks ``[n_kv, n_blocks * size, width]``, a row per block."""
    n_kv, _, width = kept.shape
    return kept.view(n_kv, -1, size, width).transpose(0, 1)[:, :, :filled]


def _cache(pair: Sequence[Tensor], index: Ints, n_rows: int, room: int) -> KeysValues:
    """Keys and values of some blocks in the first of ``n_rows`` rows with room for more."""
    found = []
    for one in pair:
        _, n_kv, filled, width = one.shape
        store = one.new_zeros(n_rows, n_kv, room, width)
        store[: len(index), :, :filled] = one[torch.from_numpy(index).to(one.device)]
        found.append(store)
    return KeysValues(*found)


def _own_trunk(opened: Opened) -> tuple[list[Trunk] | None, int]:
    """The example's trunk without its padding on the left, and its tokens."""
    layout, example = opened.layout, opened.example
    if opened.trunk is None:
        return None, layout.n_trunk
    first = int((~layout.trunk_real[example]).sum())
    found = []
    for layer in opened.trunk:
        keys, values = (one[example : example + 1, :, first:] for one in layer.both)
        found.append(Trunk(keys, values, room=layer.room))
    return found, layout.n_trunk - first


def _trace_step(
    model: Model,
    inputs: dict[str, Any],
    steps: list[Step],
    n_columns: int,
    tokens: Ints,
    likely: LikelyIds | None,
    n_histories: int,
) -> Floats:
    """Of each column that runs to the top, log-probabilities ``[n_columns, n_tokens]``.

    They are among ``likely`` ids where these have been chosen; else it is given those that are
    likely in the first columns, the histories'.
    """
    nn, head = model.nn, None if model.head is None else model.head.plain()
    asked = torch.from_numpy(tokens)
    looking = head is not None and likely is not None and likely.chosen is None
    if head is not None and likely is not None and not looking:
        head, asked = likely.head, likely.place(asked)
    every = torch.arange(n_columns)
    wanted = Wanted(
        n_examples=1, n_blocks=n_columns, keep=every, order=every,
        nodes=torch.zeros(1, len(tokens), dtype=torch.long), tokens=asked[None],
        end=0, top_k=0, normed=torch.ones(1, 1, dtype=torch.bool),
    )  # fmt: skip
    with nn.trace(**inputs):
        found: list[Tensor] = []
        nnsight.save(found)
        apply_edits(nn, steps, [], 1, None)
        if looking and head is not None and likely is not None:
            hidden = nn.get(head["path"]).input
            found.append(likely.look(hidden[0, :n_histories], head))
        found.append(read_pass(nn, head, wanted)["edges"])
    if looking and likely is not None:
        likely.found.append(found[0])
    return np.asarray(found[-1][0].double().numpy())
