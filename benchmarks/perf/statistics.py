"""Do the statistics hold what they promise? Simulated grids with and without an effect.

python -m xtransplant.benchmarks.perf.statistics [--simulations 1000] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import norm

from xtransplant.stats import compare_cells, cross_fit, gain
from xtransplant.stats.gains import mcnemar
from xtransplant.stats.option_bias import option_bias
from xtransplant.stats.over_items import Judged, over_both, over_items
from xtransplant.stats.rates import Rate, macro, micro

__all__ = [
    "coverage", "family_wise", "judged_null", "level", "main", "no_bias", "of_sets", "power",
    "winners_curse",
]  # fmt: skip

Array = np.ndarray[Any, Any]
CLUSTERED = (60, 6)  # items, languages


def answers(
    dice: np.random.Generator, *, items: int, langs: int, effect: float, alike: float = 0.9
) -> tuple[Array, Array, Array]:
    """Right before and after, and the items; an effect of so many points.

    Args:
        dice: the generator.
        items: how many.
        langs: how often each item stands there.
        effect: expected share of right answers after, minus before.
        alike: how often a language goes as its item's first does.
    """
    # Of an example 40% may flip, either way: fixed by 20% + effect / 2, broken by 20% - effect / 2.
    draws = dice.random((items, langs))
    draws = np.where(dice.random((items, langs)) < alike, draws[:, :1], draws).ravel()
    fixed, broken = draws < 0.2 + effect / 2, draws > 0.8 + effect / 2
    before = broken | (~fixed & (dice.random(items * langs) < 0.5))
    return before, (before | fixed) & ~broken, np.repeat(np.arange(items), langs)


def coverage(simulations: int, seed: int = 0, effect: float = 0.1) -> dict[str, float]:
    """How often a 95% interval holds the true gain: by items, and by examples alone."""
    items, langs = CLUSTERED
    held = dict.fromkeys(("clustered_bca", "clustered_stderr", "unclustered_stderr"), 0)
    for k in range(simulations):
        dice = np.random.default_rng([seed, k])
        before, after, of = answers(dice, items=items, langs=langs, effect=effect)
        one, naive = gain(before, after, of), gain(before, after)
        low, high = one.ci95
        held["clustered_bca"] += low <= effect <= high
        held["clustered_stderr"] += abs(one.value - effect) <= 1.96 * one.stderr
        held["unclustered_stderr"] += abs(naive.value - effect) <= 1.96 * naive.stderr
    return {name: count / simulations for name, count in held.items()}


def of_sets(simulations: int, seed: int = 0, items: int = 100) -> dict[str, dict[str, float]]:
    """How often the interval of what is mended of a gap holds the true share: by items, and not.

    40% of the examples of 100 items in 6 languages are the gap, and languages go as their item's
    first in 90%, in that and in what is mended: so about half of the items are in it.
    """
    found = {}
    for share in (0.1, 0.4, 0.8, 0.95):
        held = np.zeros(2)
        for k in range(simulations):
            dice = np.random.default_rng([seed, k])
            gap, right = (_together(dice, items, one) for one in (0.4, share))
            one = over_items(
                [(right[own, m], np.flatnonzero(own)) for m, own in enumerate(gap.T)]
            ).micro
            ends = one.ci95, Rate(one.right, one.n).ci95
            held += [low <= share <= high for low, high in ends]
        by_items, by_examples = (held / simulations).tolist()
        found[f"{100 * share:.0f}%"] = {"by_items": by_items, "by_examples": by_examples}
    return found


def _together(dice: np.random.Generator, items: int, share: float) -> Array:
    """``[items, 6 languages]``, bool: so large a share, mostly alike in an item's languages."""
    draws = dice.random((items, 6))
    return np.where(dice.random(draws.shape) < 0.9, draws[:, :1], draws) < share


def judged_null(simulations: int, seed: int = 0) -> dict[str, float]:
    """How often ± 1.96 standard errors of a judged null hold its mean: by items, and by examples.

    Each example says four of 20 answers, of which few are common, mostly the same in its item's
    languages, and is judged by those of eight others of its language.
    """
    (items, langs), found = CLUSTERED, []
    common = 1 / np.arange(1, 21) / (1 / np.arange(1, 21)).sum()
    for k in range(simulations):
        dice = np.random.default_rng([seed, k])
        answer = dice.choice(20, items, p=common)
        drawn = dice.choice(20, (items, langs, 4), p=common)
        alike = dice.random((items, langs, 1)) < 0.9
        said, columns = np.where(alike, drawn[:, :1], drawn), []
        for m in range(langs):
            order = dice.permutation(items)
            others = np.empty((items, 8), dtype=np.int64)
            for r in range(8):
                others[order, r] = np.roll(order, r + 1)
            hits = (said[:, m, :, None] == answer[others][:, None]).any(axis=1)  # [items, 8]
            columns.append(Judged(hits, np.arange(items), others))
        rates = [Rate(float(own.hits.mean() * items), items) for own in columns]
        one = over_both(columns, micro(rates), macro(rates)).micro
        found.append((one.value, one.stderr, micro(rates).stderr))
    values, by_items, by_examples = np.array(found).T
    off = np.abs(values - values.mean())
    return {
        "by_items": float((off <= 1.96 * by_items).mean()),
        "by_examples": float((off <= 1.96 * by_examples).mean()),
    }


def level(simulations: int, seed: int = 0) -> dict[str, float]:
    """How often p is below 0.05 without an effect: in one language, and in six.

    Of six also by McNemar's test, which takes an item's languages for independent.
    """
    found = {}
    for name, langs in {"one_language": 1, "six_languages": 6}.items():
        dice = [np.random.default_rng([seed, k]) for k in range(simulations)]
        gains = [gain(*answers(one, items=60, langs=langs, effect=0)) for one in dice]
        found[name] = float(np.mean([one.p <= 0.05 for one in gains]))
        flips = [(one.fixed, one.broken) for one in gains]
        found[f"{name}_mcnemar"] = float(np.mean([mcnemar(*one) <= 0.05 for one in flips]))
    return found


def family_wise(simulations: int, seed: int = 0, cells: int = 64) -> dict[str, float]:
    """How often any cell is marked in grids without an effect: together, and each by itself."""
    found = []
    for k in range(simulations):
        dice = np.random.default_rng([seed, k])
        # Neighbouring cells flip alike: each takes over from the one before.
        flips = dice.choice([-1, 0, 1], p=[0.2, 0.6, 0.2], size=(40, cells))
        for cell in range(1, cells):
            same = dice.random(40) < 0.5
            flips[same, cell] = flips[same, cell - 1]
        flips = np.repeat(flips, 2, axis=0)  # two languages
        # compare_cells takes changes alone: one example for what is fixed, one for what is broken.
        before = np.repeat([False, True], len(flips))
        after = np.concatenate([flips > 0, flips >= 0])
        of = np.tile(np.repeat(np.arange(40), 2), 2)
        tests = compare_cells(before, after, of, draws=499, seed=k)
        found.append((tests.p_family.min() <= 0.05, tests.p.min() <= 0.05))
    shares = np.mean(found, axis=0)
    return {"family_wise": float(shares[0]), "each_cell_alone": float(shares[1])}


def power(simulations: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """How often an effect is found in 300 examples (p <= 0.05), beside the normal approximation.

    With 40% of examples flipped the power is ``P(Z > 1.96 s - effect sqrt(n))`` over the standard
    deviation of a flip, ``s = sqrt(0.4)`` without an effect and ``sqrt(0.4 - effect^2)`` with one.
    """
    found, n = {}, 300
    for effect in (0.05, 0.1, 0.2):
        dice = [np.random.default_rng([seed, k]) for k in range(simulations)]
        cases = [answers(one, items=n, langs=1, effect=effect) for one in dice]
        seen = np.mean([gain(before, after).p <= 0.05 for before, after, _ in cases])
        lacking = (1.96 * np.sqrt(0.4) - effect * np.sqrt(n)) / np.sqrt(0.4 - effect**2)
        found[f"{100 * effect:.0f} points"] = {
            "found": float(seen), "theory": float(norm.sf(lacking)),
        }  # fmt: skip
    return found


def winners_curse(simulations: int, seed: int = 0, cells: int = 64) -> dict[str, float]:
    """Mean gain of the best of cells that are as good as vanilla: in-sample, and cross-fitted.

    And how often a cross-fitted gain's 95% interval holds what its pairs gain, 0: as it is, and by
    errors over items, which take the folds' choices for given.
    """
    pairs = [divmod(cell, 8) for cell in range(cells)]
    found = []
    for k in range(simulations):
        dice = np.random.default_rng([seed, k])
        one = cross_fit(dice.random(50) < 0.4, dice.random((50, cells)) < 0.4, pairs, seed=k)
        (low, high), value = one.held_out.ci95, one.held_out.value
        as_given = replace(one.held_out, error=None).stderr
        covered = low <= 0 <= high, abs(value) <= 1.96 * as_given
        found.append((one.in_sample.value, value, *covered))
    names = ("in_sample", "held_out", "coverage", "coverage_of_given_choices")
    return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))


def no_bias(simulations: int, seed: int = 0) -> dict[str, float]:
    """Options chosen at random where golds are at random: how often p says that they differ.

    In six languages that mostly go together: by items, and as if all examples were independent;
    and the mean distance, beside what it is said to be by chance.
    """
    (items, langs), found = CLUSTERED, []
    for k in range(simulations):
        dice = np.random.default_rng([seed, k])
        right = np.repeat(dice.integers(0, 4, items), langs)
        chosen = dice.integers(0, 4, (items, langs))
        chosen = np.where(dice.random((items, langs)) < 0.9, chosen[:, :1], chosen).ravel()
        one = option_bias(chosen, right, 4, np.repeat(np.arange(items), langs))
        naive = option_bias(chosen, right, 4)
        found.append((one.p <= 0.05, naive.p <= 0.05, one.distance, one.by_chance))
    names = ("by_items", "by_examples", "distance", "by_chance")
    return dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))


def main(arguments: list[str] | None = None) -> None:
    """Simulate, and print shares as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    found = {
        one.__name__: one(given.simulations, given.seed)
        for one in (
            coverage,
            of_sets,
            judged_null,
            level,
            family_wise,
            power,
            winners_curse,
            no_bias,
        )
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
