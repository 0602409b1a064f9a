"""``--null paraphrase``: the target's question in other words is the source."""

import json
from dataclasses import replace

import numpy as np
import pytest

from xtransplant import Example, XTransplantError, transplant
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT, babel
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import examples, records
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.nulls import null_examples

NULL = "attn-swap [null paraphrase]"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Four examples of Babel as a file; the prompt in another language plays the paraphrase."""
    own, others = (babel.examples(lang, "en-to-lang", "pilot")[:4] for lang in ("sw", "hi"))
    path = tmp_path_factory.mktemp("data") / "mine.jsonl"
    path.write_text("".join(json.dumps({
        "source": one.source, "target": one.target, "answer": one.answer, "id": one.id,
        "candidates": one.candidates, "reworded": other.target,
    }) + "\n" for one, other in zip(own, others, strict=True)))  # fmt: skip
    return Config(
        tasks=("file",), strategies=("attn-swap",), pairs="4:4,2:1", nulls=("paraphrase",),
        model=ModelSpec(str(CHECKPOINT)), exact_scores=True,
        data=DataSource(file=path, columns=(("paraphrase", "reworded"),)),
    )  # fmt: skip


def test_the_strategy_reads_the_paraphrase_and_nothing_else_is_changed(
    config, babel_model, tmp_path
):
    run = bench(config, RunContext(tmp_path), model=babel_model)
    found, own = records(run), make_plan(config).tasks["file"].examples["xx"]
    assert examples(run).paraphrase.tolist() == [one.paraphrase for one in own]
    for k, one in enumerate(own):
        grid = transplant(
            babel_model, replace(one, source=one.paraphrase), "attn-swap",
            source_layers=[2, 4], target_layers=[1, 4],
        )  # fmt: skip
        for pair in ((4, 4), (2, 1)):
            rows = found[(found.strategy == NULL) & (found.example == k)]
            (row,) = rows[
                (rows.source_layer == pair[0]) & (rows.target_layer == pair[1])
            ].itertuples()
            place = list(grid.pairs).index(pair)
            assert np.abs(row.logprobs - grid.scores.logprobs[place]).max() < 1e-4
    (table,) = make_tables([summarise(run)])
    assert all(set(row.null_grids) == {"paraphrase"} for row in table.rows if row.strategy)
    assert any("in other words of its own language" in note for note in table.notes)


def test_a_run_depends_on_paraphrases_only_where_they_are_read(config, tmp_path):
    rows = [json.loads(line) for line in config.data.file.read_text().splitlines()]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({**row, "reworded": "again?"}) + "\n" for row in rows))
    other = replace(config, data=replace(config.data, file=path))
    assert make_plan(config).id != make_plan(other).id
    plain = replace(config, nulls=("other",))
    assert make_plan(plain).id == make_plan(replace(other, nulls=("other",))).id
    without = replace(plain, data=replace(config.data, columns=()))
    assert make_plan(plain).id == make_plan(without).id


@pytest.mark.parametrize("changed", [{}, {"direction": "lang-to-en"}, {"tasks": ("babel",)}])
def test_where_an_example_has_none_it_is_refused_in_one_line(config, changed):
    where = DataSource() if "tasks" in changed else config.data
    asked = replace(config, data=where, **changed)
    if not changed:
        asked = replace(asked, data=replace(where, columns=()))
    with pytest.raises(XTransplantError, match="--null paraphrase: the paraphrase of") as error:
        make_plan(asked)
    assert "\n" not in str(error.value)
    assert "is missing" in str(error.value)


def test_the_target_itself_is_no_paraphrase(config):
    same = replace(config.data, columns=(("paraphrase", "target"),))
    with pytest.raises(XTransplantError, match="is its target prompt itself"):
        make_plan(replace(config, data=same))


def test_further_sources_are_the_paraphrase_too():
    one = Example("s", "t", sources=(("zh", "z"), ("fr", "f")), paraphrase="u")
    made = null_examples("paraphrase", [one, Example("s2", "t2")])
    assert made == {one: replace(one, source="u", sources=(("zh", "u"), ("fr", "u")))}
