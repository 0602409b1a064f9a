"""How probable a prompt's answer is among its candidates, as its records have it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from xtransplant.runs.columns import VANILLA
from xtransplant.runs.read import read_part, stored_parts
from xtransplant.runs.store import Run

__all__ = ["answer_shares"]


def answer_shares(
    run: Run, task: str, lang: str, among: Collection[int]
) -> np.ndarray[Any, Any] | None:
    """``[examples]``: of the target without a transplant, ``exp(l) / sum of exp(l')``.

    Over the candidates' log-likelihoods l'; examples without an answer among them are left out.

    Args:
        run: an opened run.
        task: a task of it whose candidates were scored.
        lang: a language.
        among: numbers of the examples that are asked about.

    Returns:
        None where a log-likelihood is no more than an upper bound, as none is of a run with
        ``--exact-scores``.

    Raises:
        XTransplantError: a damaged part.
    """
    found: list[float] = []
    for part in stored_parts(run, task, lang):
        records = read_part(run, "records", part, ["example", "strategy", "logprobs", "bounds"])
        names = records["strategy"].combine_chunks()
        code = names.dictionary.to_pylist().index(VANILLA)
        plain = records.filter(names.indices.to_numpy() == code).to_pylist()
        if any(any(row.get("bounds") or ()) for row in plain):
            return None
        columns = ["example", "candidates", "answer"]
        examples = {
            row["example"]: row for row in read_part(run, "examples", part, columns).to_pylist()
        }
        for row in plain:
            if row["example"] not in among:
                continue
            own, scores = examples[row["example"]], np.array(row["logprobs"], dtype=np.float64)
            if own["answer"] in own["candidates"] and np.isfinite(scores).all():
                shares = np.exp(scores - scores.max())
                found.append(float(shares[own["candidates"].index(own["answer"])] / shares.sum()))
    return np.array(found)
