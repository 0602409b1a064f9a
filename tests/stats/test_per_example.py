"""Choosing a cell for each example without its answer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtransplant.stats.per_example import (
    METHODS,
    NO_ANSWER,
    Told,
    agreement,
    confidence,
    decided,
    fixed_options,
    majority,
    vote_shares,
)
from xtransplant.stats.selection import choose_pair

PAIRS = tuple((i, j) for i in range(3) for j in range(3))


def told_of(seed, n=30, says=None):
    """What is said at random; ``says`` puts columns of answers in place."""
    dice = np.random.default_rng(seed)
    shape = n, 1 + len(PAIRS)
    answers = dice.integers(NO_ANSWER, 4, shape) if says is None else says
    return Told(
        PAIRS, answers, dice.integers(0, 4, n), -dice.exponential(size=shape),
        dice.exponential(size=shape), dice.exponential(size=shape),
    )  # fmt: skip


@given(st.integers(0, 300))
def test_the_majority_is_said_by_no_fewer_cells_than_anything_else(seed):
    told = told_of(seed)
    for said, k in zip(told.answers, majority(told), strict=True):
        votes = {a: int((said[1:] == a).sum()) for a in said if a != NO_ANSWER}
        if votes:
            assert votes[said[k]] == max(votes.values())
        if said[0] == said[k]:
            assert k == 0  # vanilla says it already


@given(st.integers(0, 300))
def test_nothing_is_more_certain_than_what_confidence_takes(seed):
    told = told_of(seed)
    chosen = confidence(told)
    known = np.where(told.answers == NO_ANSWER, -np.inf, told.logprob)
    assert (known[np.arange(len(known)), chosen] == known.max(axis=1)).all()


@given(st.integers(0, 300))
def test_agreement_says_what_the_source_says_or_abstains(seed):
    told = told_of(seed)
    chosen = agreement(told)
    said = told.answers[np.arange(len(chosen)), chosen]
    assert ((said == told.source) | (chosen == 0)).all()
    some = (told.answers == told.source[:, None]).any(axis=1)
    assert (said[some] == told.source[some]).all()
    assert (chosen[told.answers[:, 0] == told.source] == 0).all()


@given(st.integers(0, 300))
def test_what_is_not_decided_is_left_to_vanilla(seed):
    """Counted example by example, in plain Python."""
    told = told_of(seed, says=np.random.default_rng(seed).integers(NO_ANSWER, 2, (30, 10)))
    told.answers[::7] = NO_ANSWER
    for name, method in METHODS.items():
        has = decided(name, told)
        assert (method(told)[~has] == 0).all()
        for one, says, source in zip(has.tolist(), told.answers, told.source, strict=True):
            said = [a for a in says[name == "majority" :] if a != NO_ANSWER]
            assert one == (source in said if name == "agreement" else bool(said))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_where_no_cell_says_anything_else_vanilla_is_kept(method):
    said = np.repeat(np.arange(30)[:, None] % 4, 1 + len(PAIRS), axis=1)
    alike = replace(told_of(0, says=said), logprob=np.zeros(said.shape))
    assert (method(alike) == 0).all()
    silent = told_of(0, says=np.full(said.shape, NO_ANSWER))
    assert (method(silent) == 0).all()


@given(st.integers(0, 100))
def test_methods_find_what_is_planted(seed):
    dice, n = np.random.default_rng(seed), 25
    gold = dice.integers(0, 4, n)
    said = (gold[:, None] + dice.integers(1, 4, (n, 10))) % 4  # all wrong
    many = said.copy()
    many[:, 3:9] = gold[:, None]
    assert (many[np.arange(n), majority(told_of(seed, n, many))] == gold).all()
    sure, at = told_of(seed, n, said), dice.integers(1, 10, n)
    sure.answers[np.arange(n), at] = gold
    sure.logprob[np.arange(n), at] = 1e-3
    assert (confidence(sure) == at).all()


def test_shares_are_of_cells_alone():
    said = np.array([[2, 2, 2, 0, 1, 1, 1, 1, NO_ANSWER, 0]])
    found = vote_shares(told_of(0, 1, said))[0]
    assert found[0] == found[1] == 2 / 9
    assert found[4] == 4 / 9
    assert np.isnan(found[8])


@given(st.integers(0, 100))
def test_the_fixed_pair_is_the_pilots(seed):
    dice = np.random.default_rng(seed)
    right, langs = dice.random((20, len(PAIRS))) < 0.3, np.array(["sw", "zh"] * 10)
    found = fixed_options(right, langs, PAIRS, np.array(["zh", "sw", "zh"]))
    for lang, option in (("zh", found[0]), ("sw", found[1]), ("zh", found[2])):
        hits = dict(zip(PAIRS, right[langs == lang].sum(0).tolist(), strict=True))
        assert PAIRS[option - 1] == choose_pair(hits)
    with pytest.raises(ValueError, match="no pilot example in hi"):
        fixed_options(right, langs, PAIRS, np.array(["hi"]))
