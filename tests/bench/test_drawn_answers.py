"""As many answers drawn from the target alone as a grid has cells, against its own records."""

import json

import numpy as np
import pytest

from xtransplant.report.data import to_lm_eval
from xtransplant.report.formats import to_markdown
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import examples, records


def test_they_are_right_as_often_as_their_probabilities_say(small):
    run = small(strategies=("ffn-swap",), langs=("sw",), limit=4)
    rows, asked = records(run), examples(run)
    plain = rows[rows.strategy == "vanilla"].set_index("example").logprobs
    shares = []
    for one in asked.to_dict("records"):
        likely = np.exp(np.asarray(plain[one["example"]], dtype=np.float64))
        shares.append(likely[list(one["candidates"]).index(one["answer"])] / likely.sum())
    (more,) = json.loads(to_lm_eval([summarise(run)]))["more"].values()
    (found,) = more["sampling"]
    assert (found["n"], found["k"][0], found["k"][-1]) == (4, 1, 64)
    expected = [np.mean([1 - (1 - p) ** k for p in shares]) for k in found["k"]]
    assert found["share"] == pytest.approx(expected, rel=1e-5)
    line = next(one for one in to_markdown(make_tables([summarise(run)])).splitlines()
                if "answers drawn" in one)  # fmt: skip
    assert f"| {100 * expected[-1]:.1f} |" in line
