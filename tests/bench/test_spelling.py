"""Each prompt's own spelling of the candidates, from the example to its judgement; what fits."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_bench import SMALL
from tokenizers_made import MADE, TEMPLATES

from xtransplant import Example, load
from xtransplant.bench import context_limit as fit
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.context_limit import leave_out_too_long
from xtransplant.bench.judge import judge
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.engine.ask.items import item_of
from xtransplant.runs import open_run
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.rows import Rows
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task


def judged(example, of_source, logprobs, top):
    rows = Rows("score")
    rows.add(
        0, SOURCE if of_source else VANILLA, (), logprobs=np.array([logprobs]), top_token=[top],
        finite=[True], unchanged=[False],
    )  # fmt: skip
    table = judge(rows.table(), examples_table([example], 0, 1), "begins").to_pydict()
    return [table[level][0] for level in ("strict", "match", "lenient")]


def test_the_source_is_judged_by_its_own_spelling():
    example = Example("s", "t", ("是", "否"), "是", source_candidates=(" certainly", " no"))
    # Its mean by character: -4/10 against -3/3.
    assert judged(example, True, [-4, -3], " cert") == [False, False, True]
    assert judged(example, False, [-4, -3], " cert") == [False, False, False]
    assert judged(example, True, [-2, -3], " cert") == [True, True, True]
    assert judged(example, True, [-2, -3], "是") == [False, True, True]
    assert judged(example, False, [-2, -3], "是") == [True, True, True]
    plain = replace(example, source_candidates=())
    assert judged(plain, True, [-2, -3], "是") == [True, True, True]


def plan_of(tmp_path, rows, **changes):
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = Config(
        tasks=("file",), strategies=("ffn-swap",), data=DataSource(file=file), pairs="7:0",
        model=ModelSpec(str(CHECKPOINT)), **changes,
    )  # fmt: skip
    return make_plan(config)


@pytest.mark.parametrize("tokenizer", MADE)
@pytest.mark.parametrize("template", [None, *TEMPLATES])
def test_an_example_fits_if_its_longest_candidate_does_where_it_stands(
    tmp_path, babel_model, tokenizer, template
):
    model = replace(babel_model, tokenizer=MADE[tokenizer]())
    model.tokenizer.chat_template = TEMPLATES.get(template)
    rows = [
        {"source": "yes", "target": "yes" * n, "candidates": [" the town", "no"],
         "answer": "no", "id": str(n)}
        for n in range(60, 270)
    ]  # fmt: skip
    plan = plan_of(tmp_path, rows, chat_template=template is not None)
    kept = {one.id for one in leave_out_too_long(plan, model).tasks["file"].examples["xx"]}
    assert 0 < len(kept) < len(rows)
    model.config.max_position_embeddings, limit = 10**6, model.config.max_position_embeddings
    try:
        for one in plan.tasks["file"].examples["xx"]:
            item = item_of(model, one, chat_template=template is not None)
            longest = len(item.target) + max(map(len, item.target_candidates))
            assert (one.id in kept) == (longest <= limit), one.id
    finally:
        model.config.max_position_embeddings = limit


def test_far_from_the_limit_no_candidate_is_tokenised(babel_model, monkeypatch):
    monkeypatch.setattr(fit, "item_of", None)
    plan = make_plan(SMALL)
    assert leave_out_too_long(plan, babel_model).tasks == plan.tasks


def test_bos_is_in_the_manifest_and_in_a_runs_identity(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in CHECKPOINT.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = replace(SMALL, limit=2, langs=("sw",), pairs="7:0", model=ModelSpec(str(folder)))
    without = bench(config, RunContext(tmp_path / "runs"))
    begun = bench(
        replace(config, model=ModelSpec(str(folder), add_bos=True)), RunContext(tmp_path / "runs")
    )
    own = bench(replace(config, model=ModelSpec(str(CHECKPOINT))), RunContext(tmp_path / "runs"))
    said = [
        [run.manifest.model[key] for key in ("adds_bos", "expects_bos", "add_bos")]
        for run in map(open_run, (without.path, begun.path, own.path))
    ]
    assert said == [[False, True, False], [False, True, True], [True, True, False]]

    def numbers(run):
        return next(run.path.glob("records/**/*.parquet")).read_bytes()

    assert numbers(begun) == numbers(own)
    assert numbers(without) != numbers(own)


def test_babels_prompts_want_one_spelling_and_begin_as_they_should():
    task, model = find_task("babel"), load(CHECKPOINT)
    assert not model.beginning.missing
    for lang in task.languages:
        one = load_examples(task, lang).examples[0]
        item = item_of(model, one)
        assert item.source_candidates == item.target_candidates
