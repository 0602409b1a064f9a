"""What docs/study.md says of a run's spelling and items: python docs/by_spelling.py RUN."""

import sys

import numpy as np
from scipy.stats import bootstrap

from xtransplant.runs import examples, records

rows = records(sys.argv[1])[["lang", "example", "strategy", "match", "set_match"]]
facts = examples(sys.argv[1])[["lang", "example", "id", "answers", "source_answers"]]
facts["alike"] = [
    bool({a.casefold() for a in own} & {a.casefold() for a in there})
    for own, there in zip(facts.answers, facts.source_answers, strict=True)
]
rows = rows.merge(facts[["lang", "example", "id", "alike"]], on=["lang", "example"])
alone = rows[rows.strategy == "vanilla"].set_index(["lang", "example"]).match.astype(float)
print("| | mended, spelled as in the source | mended, otherwise | points over the target (95%) |")
print("|---|--:|--:|--:|")
for name, own in rows[~rows.strategy.isin(["vanilla", "source"])].groupby("strategy"):
    gap = own[own.set_match == "gap"].groupby("alike").match.agg(["sum", "count"])
    mended = [f"{gap['sum'].get(k, 0)} of {gap['count'].get(k, 0)}" for k in (True, False)]
    own = own.set_index(["lang", "example"])
    gain = (own.match.astype(float) - alone.reindex(own.index)).groupby(own.id.to_numpy())
    # Items are drawn, each with all of its languages.
    low, high = 100 * np.array(
        bootstrap(
            (gain.sum(), gain.count()), lambda s, n, axis: s.sum(axis) / n.sum(axis),
            paired=True, method="percentile", rng=np.random.default_rng(0),
        ).confidence_interval
    )  # fmt: skip
    points = 100 * gain.sum().sum() / gain.count().sum()
    print(f"| {name} | {' | '.join(mended)} | {points:+.1f} ({low:+.1f} to {high:+.1f}) |")
