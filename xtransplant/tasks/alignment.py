"""Whether source and target are the same item: evidence against it, by row and by language.

Nothing here knows the languages. It asks three things. Do the answers agree (two labels of one item
are one label)? Where both prompts hold numbers, have they any in common? And, window by window,
does anything tie the rows together: are answers in words the same in one language where they are
the same in the other, do long prompts go with long ones, or have they more numbers and Latin words
in common than with another row? Thresholds were set on the paper's 84 files and KLAR's 11: aligned
windows of 50 rows correlate at 0.5 or more in length, rows that were shifted at 0; of pairs of
answers that are the same in English, 71 to 100% are the same in the other language.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
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
_LEAST_PAIRS = 10  # of rows with one answer in English
_SAME, _NOT_THE_SAME = 0.7, 0.4  # share of these pairs that have one answer in the other language
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


def check_alignment(examples: Sequence[Example], *, whole_rows: bool = False) -> Alignment:
    """Look through one language's examples.

    Args:
        examples: of one language.
        whole_rows: whether prompt and answer stand in one place of the data, so that answers which
            go together show that the prompts do.
    """
    labels = [k for k, one in enumerate(examples) if _labels_differ(one)]
    sources, targets = (
        _tokens([getattr(one, side) for one in examples]) for side in ("source", "target")
    )
    both = [k for k in range(len(examples)) if _numbers(sources[k]) and _numbers(targets[k])]
    apart = [k for k in both if not _numbers(sources[k]) & _numbers(targets[k])]
    unrelated = _unrelated_rows(examples, sources, targets, whole_rows)
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
    examples: Sequence[Example],
    sources: list[set[str]],
    targets: list[set[str]],
    whole_rows: bool,
) -> list[int]:
    """Rows of windows in which neither lengths nor shared tokens relate the two sides."""
    unrelated: list[int] = []
    n_windows = max(1, len(examples) // _WINDOW)
    bounds = [len(examples) * w // n_windows for w in range(n_windows + 1)]
    for start, stop in pairwise(bounds):
        window = range(start, stop)
        if len(window) < _LEAST:
            continue
        same = _same_answers(examples[start:stop])
        if same is not None and same < _NOT_THE_SAME:
            unrelated += window
            continue
        if whole_rows and same is not None and same >= _SAME:
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


def _same_answers(examples: Sequence[Example]) -> float | None:
    """Of pairs of rows with one answer after the source, the share with one after the target.

    Returns:
        None where answers are not texts, too few are repeated, or nearly all are one text.
    """
    answers = [
        (one.source_key.answers[0], one.key.answers[0])
        for one in examples
        if one.key and one.source_key and one.source_key.answers and not one.key.options
    ]
    one, other, both = (
        _n_pairs(found) for found in ([a for a, _ in answers], [b for _, b in answers], answers)
    )
    others = math.comb(len(answers), 2) - one
    if one < _LEAST_PAIRS or other - both > (1 - _SAME) * others:
        return None
    return both / one


def _n_pairs(values: Iterable[Hashable]) -> int:
    """How many pairs of values are equal."""
    return sum(math.comb(n, 2) for n in Counter(values).values())
