"""Errors of averages over languages, against independent examples and against simulation."""

import math

import numpy as np
import pytest

from xtransplant.stats import Rate, clustered_stderr, macro, micro
from xtransplant.stats.gains import by_item
from xtransplant.stats.over_items import Judged, over_both, over_items
from xtransplant.stats.rates import Mean


def test_one_language_is_that_of_independent_examples():
    right = np.array([True] * 7 + [False] * 13)
    found = over_items([(right, np.arange(20))])
    assert found.micro.stderr == pytest.approx(Rate(7, 20).stderr)
    assert found.micro.ci95 == pytest.approx(Rate(7, 20).ci95)
    assert found.macro == pytest.approx(macro([Rate(7, 20)]))


def test_languages_that_answer_alike_tell_no_more_than_one():
    right, items = np.array([True] * 7 + [False] * 13), np.arange(20)
    found, one = over_items([(right, items)] * 12), Rate(7, 20)
    assert (found.micro.right, found.micro.n) == (84, 240)
    assert found.micro.stderr == pytest.approx(one.stderr)
    assert found.micro.ci95 == pytest.approx(one.ci95)
    assert found.macro == pytest.approx((one.value, one.stderr))
    # What it was: 3.5 times too small.
    assert one.stderr / micro([one] * 12).stderr == pytest.approx(math.sqrt(239 / 19))


def test_all_right_is_known_no_better_than_from_its_items():
    found = over_items([(np.ones(9, dtype=bool), np.arange(9))] * 5).micro
    assert (found.n, found.stderr) == (45, 0)
    assert found.ci95 == pytest.approx(Rate(9, 9).ci95)


@pytest.mark.parametrize("languages", [[], [(np.zeros(0, dtype=bool), np.zeros(0))]])
def test_nothing_is_known_of_no_example(languages):
    found = over_items(languages)
    assert all(math.isnan(x) for x in (*found.micro.ci95, found.micro.stderr, *found.macro))


def test_one_item_has_no_error():
    found = over_items([(np.array([right]), np.array([3])) for right in (True, True, False)])
    assert math.isnan(found.micro.stderr)
    assert math.isnan(found.macro.stderr)
    assert found.micro.ci95[1] - found.micro.ci95[0] > 0.7


def test_items_that_languages_lack_count_where_they_are():
    dice = np.random.default_rng(0)
    own = [(dice.random(n) < 0.4, dice.choice(40, n, replace=False)) for n in (30, 12, 25)]
    right, items = (np.concatenate(column) for column in zip(*own, strict=True))
    found = over_items(own)
    assert found.micro.stderr == pytest.approx(clustered_stderr(*by_item(right.astype(int), items)))
    assert found.macro.value == pytest.approx(np.mean([one.mean() for one, _ in own]))


def test_the_spread_of_both_averages_is_the_one_said():
    """Of 600 samples of 50 items that go together in 6 languages of other difficulty."""
    dice, found = np.random.default_rng(1), []
    hard = np.linspace(-1, 1, 6)[:, None]
    for _ in range(600):
        right = dice.normal(size=(1, 50)) + 0.5 * dice.normal(size=(6, 50)) > hard
        # The last languages have fewer examples.
        found.append(over_items([(own[: 50 - 5 * k], np.arange(50 - 5 * k))
                                 for k, own in enumerate(right)]))  # fmt: skip
    for kind in ("micro", "macro"):
        values, errors = zip(*((getattr(one, kind).value, getattr(one, kind).stderr)
                               for one in found), strict=True)  # fmt: skip
        assert np.mean(errors) == pytest.approx(np.std(values), rel=0.08)
    independent = [Rate(one.micro.right, one.micro.n).stderr for one in found]
    assert np.mean(independent) < 0.7 * np.std([one.micro.value for one in found])


def test_an_interval_is_no_narrower_for_one_language_that_happens_to_differ():
    """Of 20 items in 6 languages, all right but one: by itself its variance says 6 times 20."""
    right = np.ones((6, 20), dtype=bool)
    right[2, 7] = False
    found = over_items([(own, np.arange(20)) for own in right]).micro
    assert found.stderr < Rate(119, 120).stderr * 1.01
    low, high = found.ci95
    alone = Rate(119, 120).ci95
    assert high - low > 1.5 * (alone[1] - alone[0])
    assert low > Rate(19, 20).ci95[0]


def test_judged_nulls_have_errors_of_those_who_judge_too():
    """All by one answer, which the half of the examples say: nothing is known but that one."""
    hits = np.tile(np.array([True, False])[:, None], (20, 8))
    items, one, many = np.arange(40), np.zeros((40, 8)), np.arange(320).reshape(40, 8)
    rate, mean = Rate(20, 40), Mean(0.5, math.nan)
    assert math.isnan(over_both([Judged(hits, items, one)], rate, mean).micro.stderr)
    found = over_both([Judged(hits, items, many)], rate, mean)
    assert found.micro.stderr == pytest.approx(
        math.hypot(0.5 / math.sqrt(39), 0.5 / math.sqrt(319))
    )
    assert found.macro == pytest.approx((0.5, found.micro.stderr))


def test_a_null_that_is_not_known_has_no_error():
    unknown = Judged(np.zeros((0, 8), dtype=bool), np.zeros(0), np.zeros((0, 8)))
    found = over_both([unknown], Rate(math.nan, 5, judged=0), Mean(math.nan, math.nan))
    assert math.isnan(found.micro.stderr)
