"""What a run's model says to each example, and apart from it what was right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.items import item_ids
from xtransplant.runs.read import records
from xtransplant.runs.store import Run
from xtransplant.stats.per_example import NO_ANSWER, Told
from xtransplant.stats.selection import Pair

__all__ = ["Judged", "shared_pairs", "tell"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Judged:
    """Examples of some languages: what is told of them, and what was right.

    Attributes:
        told: without the answers.
        right: ``[examples, options]``, by the answers.
        others: uint8 ``[examples, options]``, bit r: right by the answer of the r-th derangement.
        null: the null grid ``other`` in the cells' place: what is told, and what was right,
            ``[examples, options]``; None where a language has none.
        source: ``[examples]``, whether the source prompt's own answer is right, in its language.
        langs, items: ``[examples]``.
    """

    told: Told
    right: Array
    others: Array
    null: tuple[Told, Array] | None
    source: Array
    langs: Array
    items: Array


def shared_pairs(runs: Sequence[Run], task: str, strategy: str, langs: Sequence[str]) -> list[Pair]:
    """Layer pairs that a strategy has in every run and language, in order.

    Raises:
        XTransplantError: fewer than two.
    """
    every = [set(run.manifest.pairs(strategy, task, lang)) for run in runs for lang in langs]
    pairs = sorted(set.intersection(*every)) if every else []
    if len(pairs) < 2:
        names = " and ".join(dict.fromkeys(run.path.name for run in runs))
        raise XTransplantError(
            f"{names}: layer pairs that {strategy} has in all languages of {task}: {len(pairs)}; "
            "choosing takes several; run all pairs, on the unseen split too "
            "(xtp pilot --upper-bound, or xtp bench --pairs overall --split unseen)"
        )
    return pairs


def tell(
    run: Run, task: str, strategy: str, pairs: Sequence[Pair], langs: Sequence[str], level: str
) -> Judged:
    """A strategy's grid in some languages.

    Raises:
        XTransplantError: a damaged part, or a run without the answers' texts.
    """
    found = [_language(run, task, strategy, pairs, lang, level) for lang in langs]
    nulls = [one.null for one in found if one.null is not None]
    null = None
    if len(nulls) == len(found):
        null = _joined([told for told, _ in nulls]), np.concatenate([right for _, right in nulls])
    return Judged(
        _joined([one.told for one in found]),
        np.concatenate([one.right for one in found]),
        np.concatenate([one.others for one in found]),
        null,
        np.concatenate([one.source for one in found]),
        np.concatenate([one.langs for one in found]),
        np.concatenate([one.items for one in found]),
    )


def _joined(told: Sequence[Told]) -> Told:
    arrays = [one.name for one in fields(Told) if one.name != "pairs"]
    joined = {name: np.concatenate([getattr(one, name) for one in told]) for name in arrays}
    return Told(told[0].pairs, **joined)


def _language(
    run: Run, task: str, strategy: str, pairs: Sequence[Pair], lang: str, level: str
) -> Judged:
    said = "logprobs" if run.manifest.tasks[task].mode == "score" else "output"
    columns = ["example", "strategy", "source_layer", "target_layer", "finite", said, "chosen",
               level, f"other_{level}"]  # fmt: skip
    if not run.manifest.config.get("log_samples", True):
        raise XTransplantError(
            f"run {run.path.name} stores no answers (--no-log-samples), and choosing goes by them; "
            "run its xtp bench command without that flag"
        )
    frame = records(run, task=task, lang=lang, columns=columns)
    layers = frame[["source_layer", "target_layer"]].fillna(-1).to_numpy(dtype=np.int64)
    names, numbers = frame["strategy"].astype(str).to_numpy(), frame["example"].to_numpy()
    place = {pair: k for k, pair in enumerate([(-1, -1), *pairs])}
    option = np.array([place.get((i, j), -1) for i, j in layers.tolist()])
    examples = np.unique(numbers[names == strategy])
    at = np.searchsorted(examples, numbers).clip(max=len(examples) - 1)
    shown = examples[at] == numbers

    def arranged(*of: str) -> tuple[Array, Array]:
        rows = np.flatnonzero(np.isin(names, of) & shown & (option >= 0))
        index = np.full((len(examples), len(place)), -1)
        index[at[rows], option[rows]] = rows
        return index, index >= 0

    right = frame[level].fillna(False).to_numpy(dtype=np.bool_)
    other = frame[f"other_{level}"].fillna(0).to_numpy(dtype=np.uint8)
    grid, there = arranged(VANILLA, strategy)
    source = arranged(SOURCE)[0][:, 0]
    every, comparable = _answers(frame, said)
    certain = _certainty(frame, said)
    unknown = np.full(len(examples), NO_ANSWER)

    def told(index: Array) -> Told:
        measures = np.where((index >= 0)[:, :, None], certain[index], np.nan)
        return Told(
            tuple(pairs), np.where(index >= 0, every[index], NO_ANSWER),
            np.where(source >= 0, every[source], NO_ANSWER) if comparable else unknown,
            measures[:, :, 0], measures[:, :, 1], measures[:, :, 2],
        )  # fmt: skip

    null, name = None, run.manifest.nulls_of(strategy).get("other")
    if name is not None and (names == name).any():
        index, ran = arranged(VANILLA, name)
        null = told(index), right[index] & ran
    return Judged(
        told(grid), right[grid] & there, np.where(there, other[grid], 0), null,
        right[source] & (source >= 0), np.full(len(examples), lang),
        item_ids(run, task, lang)[examples],
    )  # fmt: skip


def _answers(frame: Any, said: str) -> tuple[Array, bool]:
    """``[rows]``, what each says, as a number; and whether it is comparable between languages.

    Candidates by their number; texts by the number of the option that the rule finds in them, or
    else by their first line, without its case.
    """
    comparable = True
    if said == "logprobs":
        every = np.array([-1 if one is None or len(one) < 2 else int(np.argmax(one))
                          for one in frame[said]])  # fmt: skip
    elif frame["chosen"].notna().all():
        every = frame["chosen"].to_numpy(dtype=np.int64)
    else:
        lines = [str(text or "").strip().split("\n")[0].strip().casefold() for text in frame[said]]
        every, comparable = np.unique(np.array(lines), return_inverse=True)[1], False
    finite = frame["finite"].to_numpy(dtype=np.bool_)
    return np.where(finite & (every >= 0), every, NO_ANSWER), comparable


def _certainty(frame: Any, said: str) -> Array:
    """``[rows, 3]``: the likeliest candidate's log-probability, margin, entropy; NaN of texts."""
    rows = np.full((len(frame), 3), np.nan)
    if said != "logprobs":
        return rows
    for row, one in zip(rows, frame[said], strict=True):
        if one is None or len(one) < 2 or not np.isfinite(one).all():
            continue
        values = np.sort(np.asarray(one, dtype=np.float64))
        shares = np.exp(values - values[-1])
        shares /= shares.sum()
        row[:] = values[-1], values[-1] - values[-2], -(shares * np.log(shares + 1e-300)).sum()
    return rows
