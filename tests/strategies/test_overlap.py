"""Edits of one variant never get in each other's way: one span is one write, overlaps refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import EXAMPLE

from xtransplant import XTransplantError, apply, strategy, transplant
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score, score_items
from xtransplant.packing import MASKED, ROWS, SHARED
from xtransplant.strategies.places import Span
from xtransplant.strategies.recorder import record
from xtransplant.strategies.shape import Shape

SHAPE = Shape(n_layers=6, n_heads=4)
PAIRS = [(0, 1), (2, 0), (3, 3), (1, 2)]


def two_and_one(source, target, i, j):
    target.ffn[j, -2:] = source.ffn[i, -2:]
    target.ffn[j] = source.ffn[i]


def all_and_one(source, target, i, j):
    target.head(1)[j, :] = 0
    target.head(1)[j, 3] = 1


def first_two(source, target, i, j):
    target.attn[j, 0:2] = 0
    target.attn[j, 1] = source.attn[i]


def through_the_middle(source, target, i, j):
    target.attn[j, -3:] = 0
    target.resid_mid[j, -2] = source.resid_mid[i]


def before_the_middle(source, target, i, j):
    target.resid_mid[j, -2:] = 0
    target.resid_pre[j] = source.resid_pre[i]


def read_after(source, target, i, j):
    target.ffn[j, -2:] = source.ffn[i, -2:]
    target.ffn[j + 1] = target.ffn[j]


def middle_after(source, target, i, j):
    target.attn[j, -2:] = source.attn[i, -2:]
    target.ffn[j] = target.resid_mid[j]


def middle_before(source, target, i, j):
    target.ffn[j] = 2 * target.resid_mid[j]
    target.attn[j, -2:] = source.attn[i, -2:]


def middle_before_part(source, target, i, j):
    middle = apply(abs, target.resid_mid[j])
    target.resid_pre(1, 2)[j] = 0
    target.ffn[j] = middle


def middle_before_later_steps(source, target, i, j):
    target.resid_post[j] = target.resid_mid[j]
    target.during("all").attn[j] = source.attn[i]


def kept_then_read(source, target, i, j):
    before = target.ffn[j]
    target.ffn[j, -2:] = 0
    target.ffn[j + 1] = before


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        (middle_before, r"target.attn\[j, -2:\] is written", r"target.resid_mid\[j\] was read"),
        (middle_before_part, r"target.resid_mid\[j\] is read after", r"target.resid_pre\(1, 2\)"),
        (middle_before_later_steps, r"target.attn\[j\] is written", "read target.resid_pre and"),
        (kept_then_read, r"target.ffn\[j\] is read after", "make the edit that reads first"),
        (two_and_one, r"target.ffn\[j, -2:\]", r"target.ffn\[j\] write the same"),
        (all_and_one, r"target.head\(1\)\[j, :\]", r"target.head\(1\)\[j, 3\] write the same"),
        (first_two, r"target.attn\[j, 0:2\]", r"target.attn\[j, 1\] write"),
        (through_the_middle, r"target.attn\[j, -3:\]", r"target.resid_mid\[j, -2\] write"),
        (before_the_middle, r"target.resid_mid\[j, -2:\]", r"target.resid_pre\[j\] write"),
        (read_after, r"target.ffn\[j\] is read after", r"target.ffn\[j, -2:\] was written"),
        (middle_after, r"target.resid_mid\[j\] is read after", r"target.attn\[j, -2:\] was"),
    ],
)
def test_what_overlaps_in_every_prompt_is_refused_as_it_is_recorded(function, first, second):
    with pytest.raises(XTransplantError, match=f"{first}.*{second}") as caught:
        record(function, SHAPE, 1, 2, {})
    assert "\n" not in str(caught.value)


def test_neighbours_and_the_same_span_are_let_pass():
    def apart(source, target, i, j):
        before = target.ffn[j]
        target.ffn[j, -3:-1] = 0
        target.ffn[j] = 0.5 * target.ffn[j] + before  # another token than those written
        target.ffn[j] = 2 * target.ffn[j]
        target.attn[j, 0:2] = 0
        target.attn[j, 2] = 1
        target.head(0)[j] = 0
        target.head(1)[j, -2:] = 0
        target.attn[j + 1] = target.attn[j]
        target.resid_post[j] = target.resid_mid[j]
        target.resid_pre[j] = 0  # exactly what was read

    assert len(record(apart, SHAPE, 1, 2, {})) == 9


@strategy("third-and-last")
def third_and_last(source, target, i, j):
    target.ffn[j, 2] = source.ffn[i]
    target.ffn[j] = source.ffn[i]


@strategy("third-then-read")
def third_then_read(source, target, i, j):
    target.ffn[j, 2] = source.ffn[i]
    target.resid_post[j] = target.ffn[j]


@pytest.mark.parametrize("packing", [SHARED, MASKED, ROWS], ids=str)
@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (third_and_last, r"target.ffn\[j, 2\] and target.ffn\[j\] write the same tokens"),
        (third_then_read, r"target.ffn\[j\] is read after target.ffn\[j, 2\] was written"),
    ],
    ids=["write", "read"],
)
def test_what_overlaps_in_this_prompt_is_refused_in_this_prompt(llama, chosen, words, packing):
    variants = [chosen.edits(shape_of(llama), 0, 1)]
    for run in (
        lambda item: score_items(llama, [item], variants, packing=packing),
        lambda item: generate_items(llama, [item], variants, packing=packing, decoding=Decoding(2)),
    ):
        next(run(Item([5, 6, 7, 8], [5, 6, 7, 8], [[7]], [[7]])))
        with pytest.raises(XTransplantError, match=f"{words}.* in a prompt of 3 tokens"):
            next(run(Item([5, 6, 7], [5, 6, 7], [[7]], [[7]])))


BOUNDS = st.none() | st.integers(-6, 6)
SPANS = st.builds(Span, BOUNDS, BOUNDS)


@given(SPANS, SPANS, st.integers(1, 14))
def test_spans_share_tokens_as_slices_do(one, two, length):
    tokens = [set(range(length)[slice(span.start, span.stop)]) for span in (one, two)]
    assert one.shares(two, length) == bool(tokens[0] & tokens[1])
    bounds = (one.start, one.stop, two.start, two.stop)
    fits = all(bound is None or -length <= bound <= length for bound in bounds)
    if fits and all(tokens) and one.always_shares(two):
        assert tokens[0] & tokens[1]


@strategy("attn-then-mid")
def attn_then_mid(source, target, i, j):
    target.attn[j] = source.attn[i]
    target.resid_mid[j] = target.resid_mid[j] + source.ffn[i]


@strategy("in-one")
def in_one(source, target, i, j):
    target.attn[j] = source.attn[i] + source.ffn[i]


@strategy("pre-then-mid")
def pre_then_mid(source, target, i, j):
    target.resid_pre[j] = source.resid_pre[i]
    target.resid_mid[j] = source.resid_mid[i]


@strategy("mid-alone")
def mid_alone(source, target, i, j):
    target.resid_mid[j] = source.resid_mid[i]


@strategy("pre-then-read-mid")
def pre_then_read_mid(source, target, i, j):
    target.resid_pre[j] = source.resid_pre[i]
    target.ffn[j] = target.resid_mid[j]


@strategy("pre-then-sum")
def pre_then_sum(source, target, i, j):
    target.resid_pre[j] = source.resid_pre[i]
    target.ffn[j] = source.resid_pre[i] + target.attn[j]


@strategy("mid-of-mid")
def mid_of_mid(source, target, i, j):
    target.attn[2] = 0.5 * target.resid_mid[1]
    target.ffn[2] = target.resid_mid[2]


@strategy("mid-of-mid-by-hand")
def mid_of_mid_by_hand(source, target, i, j):
    below = target.resid_pre[1] + target.attn[1]
    target.attn[2] = 0.5 * below
    target.ffn[2] = target.resid_pre[2] + 0.5 * below


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (attn_then_mid, in_one),
        # The next token alone: the keys that resid_pre leaves behind are another matter.
        (pre_then_mid, mid_alone),
        (pre_then_read_mid, pre_then_sum),
        (mid_of_mid, mid_of_mid_by_hand),
    ],
    ids=str,
)
@pytest.mark.parametrize("packing", [SHARED, ROWS], ids=str)
def test_the_middle_of_the_stream_is_what_was_written_below_it(llama, one, other, packing):
    found, expected = (score(llama, EXAMPLE, x, PAIRS, packing=packing) for x in (one, other))
    assert np.abs(found.top_logprobs - expected.top_logprobs).max() < 1e-5


def test_the_user_reads_one_line_with_the_strategys_name(llama):
    clashing = strategy("two-and-one")(two_and_one)
    with pytest.raises(XTransplantError, match=r"two-and-one, layer pair 0→0, .*: target.ffn"):
        transplant(llama, EXAMPLE, clashing)
