"""Which examples a transplant can mend and which it can break: known of every run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_bench import SMALL

from xtransplant import Example
from xtransplant.bench.config import ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.judge import judge
from xtransplant.bench.rescore import rescore
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.prompts import Key
from xtransplant.report.document import write_report
from xtransplant.runs import records, rows
from xtransplant.runs.columns import CORRECT, SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.sets import SETS

BY_ANSWERS = {
    (True, False): "gap", (True, True): "shared", (False, True): "target", (False, False): "neither"
}  # fmt: skip


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_sets_are_what_the_two_prompts_records_say(small, mode):
    run = small(mode=mode, split="unseen", limit=6, pairs="4:2", max_new_tokens=3)
    frame = records(run)
    for level in CORRECT:
        plain = {
            name: frame[frame.strategy == name].set_index(["lang", "example"])[level]
            for name in (VANILLA, SOURCE)
        }
        for row in frame.itertuples():
            place = row.lang, row.example
            right = bool(plain[SOURCE][place]), bool(plain[VANILLA][place])
            assert getattr(row, f"set_{level}") == BY_ANSWERS[right]
    # Every example is in one set, and the source answers those of two.
    sets = frame[frame.strategy == SOURCE].groupby("set_match", observed=False).match
    assert sets.size().sum() == 12
    assert sets.sum().to_dict() == {"gap": sets.size()["gap"], "shared": sets.size()["shared"],
                                    "target": 0, "neither": 0}  # fmt: skip
    assert sets.size()["gap"] > 1


def test_a_transplant_of_nothing_mends_and_breaks_nothing(small):
    frame = records(small(strategies=("none",), split="unseen", limit=12, pairs="4:2,1:1"))
    own = frame[frame.strategy == "none"]
    gap, shared = (own[own.set_match == name] for name in ("gap", "shared"))
    assert len(gap)
    assert not gap.match.any()
    assert shared.match.all()


@pytest.fixture
def table():
    """Two examples, one of which does not say what is right after its source; their records."""
    examples = [
        Example("s", "t", (), None, "a", key=Key(("one",)), source_key=Key(("two",))),
        Example("s", "t", (), None, "b", key=Key(("one",)), source_key=Key(())),
    ]
    made = rows.Rows("generate")
    for name in (VANILLA, SOURCE, "swap"):
        for k in range(2):
            said = "two" if name == SOURCE else "three"
            pairs = [(0, 0), (0, 1)] if name == "swap" else []
            state = np.ones(len(pairs) or 1, dtype=bool)
            made.add(k, name, pairs, output=[said] * len(state), finite=state, unchanged=~state)
    return made.table(), examples_table(examples, 0, 2)


def test_what_nothing_says_is_null_and_not_wrong(table):
    found = judge(*table, "begins").to_pydict()
    assert found["match"] == [False, False, True, None, False, False, False, False]
    assert found["set_match"] == ["gap", None, "gap", None, "gap", "gap", None, None]


def test_a_file_says_what_is_right_after_its_source_or_the_set_is_not_known(babel_model, tmp_path):
    lines = [
        {"source": f"{k} plus 1 is", "target": f"{k} na 1 ni", "answer": " 12",
         "candidates": [" 12", " 34"], "source_candidates": [" 34", " 12"]}
        for k in range(4)
    ]  # fmt: skip
    found, names = [], list[str]()
    for name, left_out in (("with", ()), ("without", ("source_candidates",))):
        file = tmp_path / f"{name}.jsonl"
        kept = [{k: v for k, v in row.items() if k not in left_out} for row in lines]
        file.write_text("".join(json.dumps(row) + "\n" for row in kept))
        config = replace(
            SMALL, tasks=("file",), data=DataSource(file=file), langs=(), pairs="4:2",
            model=ModelSpec(str(CHECKPOINT)),
        )  # fmt: skip
        run = bench(config, RunContext(tmp_path), model=babel_model)
        found.append(records(run))
        names.append(run.path.name)
    known, unknown = found
    assert set(known.set_match) <= set(SETS)
    source = known[known.strategy == SOURCE]
    assert (source.match == [row[0] > row[1] for row in source.logprobs]).all()
    assert unknown.set_match.isna().all()
    assert unknown[unknown.strategy == SOURCE].match.isna().all()
    assert not unknown[unknown.strategy == VANILLA].match.isna().any()
    (text,) = write_report([tmp_path / name for name in names], formats=["markdown"]).texts
    assert "of 4 examples it is not known which are the gap: nothing says what is right" in text


def test_a_run_that_was_begun_without_sets_gets_them_when_it_is_judged_again(small, monkeypatch):
    full = rows.JUDGED
    older = tuple(one for one in full if not one.name.startswith("set_"))
    monkeypatch.setattr(rows, "JUDGED", older)
    run = small(pairs="4:2", limit=4)
    assert records(run).set_match.isna().all()
    monkeypatch.setattr(rows, "JUDGED", full)
    assert rescore(run.path).changed == dict.fromkeys(CORRECT, 0)
    assert set(records(run).set_match.dropna()) <= set(SETS)
    assert not records(run).set_match.isna().any()
