"""Whether source and target are the same item: evidence against it, by row and by language.

Nothing here knows the languages. It asks three things. Do the answers agree (two labels of one item
are one label)? Where both prompts hold numbers, have they any in common? And, window by window,
does anything tie the prompts together: do long ones go with long ones, or have they more
numbers and Latin words in common than with another row? Thresholds were set on the paper's 84
files: aligned windows of 50 rows correlate at 0.5 or more in length, rows that were shifted at 0.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from xtransplant.prompts import Example

__all__ = ["Alignment", "check_alignment"]

_WINDOW = 50
_LEAST = 20  # rows of the smallest window that is looked at
_MOST_LABELS = 0.02  # share of rows whose answers may disagree
_MOST_NUMBERS = 0.5  # share of rows with numbers on both sides, none of them shared
_LEAST_CORRELATION = 0.25  # of the lengths
_LEAST_SPREAD = 0.12  # standard deviation of the lengths' logarithms
_TOKEN = re.compile(r"\d+|[a-z]{4,}")


@dataclass(frozen=True)
class Alignment:
    """What a check found.

    Attributes:
        n: how many rows were looked at.
        reasons: why the language fails; empty if it does not.
        rows: numbers of the rows that speak against it, from 0.
    """

    n: int
    reasons: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def failed(self) -> bool:
        """Whether source and target seem not to be the same items."""
        return bool(self.reasons)


def check_alignment(examples: Sequence[Example]) -> Alignment:
    """Look through one language's examples."""
    labels = [k for k, one in enumerate(examples) if _labels_differ(one)]
    sources, targets = (
        _tokens([getattr(one, side) for one in examples]) for side in ("source", "target")
    )
    both = [k for k in range(len(examples)) if _numbers(sources[k]) and _numbers(targets[k])]
    apart = [k for k in both if not _numbers(sources[k]) & _numbers(targets[k])]
    unrelated = _unrelated_rows(examples, sources, targets)
    reasons, rows = [], set[int]()
    if labels and len(labels) > _MOST_LABELS * len(examples):
        reasons.append(f"the answers of {len(labels)} of {len(examples)} rows disagree")
        rows |= set(labels)
    if len(both) >= _LEAST and len(apart) > _MOST_NUMBERS * len(both):
        reasons.append(f"{len(apart)} of {len(both)} rows with numbers have none in common")
        rows |= set(apart)
    if unrelated:
        reasons.append(f"nothing ties {len(unrelated)} rows to their counterparts")
        rows |= set(unrelated)
    return Alignment(len(examples), tuple(reasons), tuple(sorted(rows)))


def _labels_differ(example: Example) -> bool:
    """Only where both sides choose among the same marks."""
    ours, theirs = example.key, example.source_key
    if ours is None or theirs is None or not ours.options or ours.options != theirs.options:
        return False
    return ours.answers[0] != theirs.answers[0]


def _tokens(texts: Sequence[str]) -> list[set[str]]:
    """Numbers and Latin words of each text, without those of the template."""
    found = [set(_TOKEN.findall(text.lower())) for text in texts]
    counts = Counter(token for tokens in found for token in tokens)
    usual = {token for token, n in counts.items() if n > max(2, 0.2 * len(texts))}
    return [tokens - usual for tokens in found]


def _numbers(tokens: set[str]) -> set[str]:
    return {token for token in tokens if token[0].isdecimal()}


def _unrelated_rows(
    examples: Sequence[Example], sources: list[set[str]], targets: list[set[str]]
) -> list[int]:
    """Rows of windows in which neither lengths nor shared tokens relate the two sides."""
    unrelated: list[int] = []
    n_windows = max(1, len(examples) // _WINDOW)
    bounds = [len(examples) * w // n_windows for w in range(n_windows + 1)]
    for start, stop in pairwise(bounds):
        window = range(start, stop)
        if len(window) < _LEAST:
            continue
        lengths = [
            [math.log(1 + len(getattr(examples[k], side))) for k in window]
            for side in ("source", "target")
        ]
        # Prompts of nearly one length, as a template with one word in it gives, cannot correlate.
        if any(statistics.pstdev(side) < _LEAST_SPREAD for side in lengths):
            continue
        correlation = statistics.correlation(*lengths)
        shift = len(window) // 2
        own = sum(len(sources[k] & targets[k]) for k in window)
        other = sum(
            len(sources[k] & targets[start + (k - start + shift) % len(window)]) for k in window
        )
        if correlation < _LEAST_CORRELATION and own <= 2 * other + 2:
            unrelated += window
    return unrelated
