"""Heatmaps of languages: at which layer pairs more texts are in the target's language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xtransplant.report.heatmaps import draw_heatmaps
from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.runs.columns import CORRECT, VANILLA
from xtransplant.stats.answers import Answers
from xtransplant.stats.rates import Rate
from xtransplant.stats.tally import Tally, tally

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_spoken"]

_TARGET = 0  # of ``report.spoken.KINDS``
_LEVEL = "match"


def draw_spoken(summary: Summary, task: TaskCounts) -> Iterator[tuple[str, Figure]]:
    """A heatmap for every strategy with several pairs, where languages were asked for.

    As those of right answers, but a text counts if it is in the target's language.
    """
    spoken = summary.spoken.get(task.name, {})
    languages = {}
    for lang, one in spoken.items():
        if VANILLA in one.cells:
            found = {name: _in_target(own) for name, own in one.cells.items()}
            plain = found[VANILLA].right[:, 0, _TARGET]
            rates = dict.fromkeys(CORRECT, Rate(int(plain.sum()), len(plain)))
            languages[lang] = replace(task.languages[lang], answers=found, vanilla=rates)
    counted = replace(task, languages=languages)
    for strategy in summary.manifest.strategies:
        tallies = {
            lang: _tally(one.answers[strategy])
            for lang, one in languages.items()
            if strategy in one.answers and len(one.answers[strategy].pairs) > 1
        }
        if tallies:
            what = "texts in the target's language"
            yield strategy, draw_heatmaps(summary, counted, strategy, tallies, _LEVEL, what=what)


def _in_target(own: Answers) -> Answers:
    """At every level, which texts are in the target's language."""
    right = own.right[:, :, _TARGET]
    return replace(own, right=np.stack([right] * len(CORRECT), axis=2))


def _tally(own: Answers) -> Tally:
    n, pairs = len(own.examples), np.array(own.pairs)
    right = own.right[:, :, _TARGET].ravel()
    rows = np.tile(pairs, (n, 1))
    examples = np.repeat(own.examples, len(pairs))
    return tally(examples, rows[:, 0], rows[:, 1], right, np.zeros(len(right), dtype=np.uint8))
