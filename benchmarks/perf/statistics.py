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

__all__ = ["coverage", "family_wise", "level", "main", "no_bias", "power", "winners_curse"]

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
        for one in (coverage, level, family_wise, power, winners_curse, no_bias)
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
