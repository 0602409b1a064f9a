"""Baselines: other prompts in the target's place, run, judged, stored and reported as it is."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_bench import SMALL
from transformers import AutoModelForCausalLM, AutoTokenizer

from xtransplant import Example, XTransplantError
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.context_limit import leave_out_too_long
from xtransplant.bench.judge import judge
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.prompts import Key
from xtransplant.report.data import to_frame, to_lm_eval
from xtransplant.report.document import write_report
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import examples, records, runs
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.rows import Rows
from xtransplant.tasks.baselines import Baseline, gold_after_source, parse_baselines
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

EVERY = ("concat", "few-shot(k=2)")
NAMES = ("source-then-target", "target-then-source", "few-shot(k=2)")
ALONE = {"strategies": (), "limit": 4, "baselines": EVERY}


@pytest.fixture(scope="module")
def plain():
    return AutoModelForCausalLM.from_pretrained(CHECKPOINT), AutoTokenizer.from_pretrained(
        CHECKPOINT
    )


def prompts_of(run, lang, k):
    """What the baselines' prompts are by their formulas, from what is stored of the run."""
    shots = run.manifest.tasks["babel"].baselines["few-shot(k=2)"][lang]
    by_id = {one.id: one for one in load_examples(find_task("babel"), lang).examples}
    row = examples(run, lang=lang).iloc[k]
    # English and the other language have the same spelling of Babel's answers.
    front = [by_id[id].source + by_id[id].answer for id in shots]
    return {
        "source-then-target": f"{row.source}\n{row.target}",
        "target-then-source": f"{row.target}\n{row.source}",
        "few-shot(k=2)": "\n\n".join([*front, row.target]),
    }, row


@torch.no_grad()
def scored(model, tokenizer, prompt, candidate):
    """A candidate's log-likelihood after a prompt, in nats, by transformers alone."""
    ids, start = tokenizer(prompt + candidate).input_ids, len(tokenizer(prompt).input_ids)
    logprobs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return sum(float(logprobs[at - 1, ids[at]]) for at in range(start, len(ids)))


def test_scores_are_those_of_transformers_after_the_other_prompt(small, plain):
    run = small(**ALONE, langs=("hi",), exact_scores=True)
    found = records(run, lang="hi")
    assert set(found.strategy) == {"vanilla", "source", *NAMES}
    assert len(found) == 4 * 5
    for name in NAMES:
        own = found[found.strategy == name].set_index("example")
        assert own[["source_layer", "target_layer", "written_norms"]].isna().all(axis=None)
        for k in (0, 3):
            prompts, row = prompts_of(run, "hi", k)
            # Hindi and English prompts of Babel end alike, so that all candidates do.
            expected = [scored(*plain, prompts[name], text) for text in row.candidates]
            assert np.abs(own.logprobs[k] - expected).max() < 1e-4
            assert own.match[k] == (row.candidates[int(np.argmax(expected))] == row.answer)


def test_texts_are_those_of_transformers_after_the_other_prompt(small, plain):
    run = small(**{**ALONE, "limit": 2}, langs=("sw",), mode="generate", max_new_tokens=3)
    model, tokenizer = plain
    found = records(run).set_index(["strategy", "example"])
    for k in range(2):
        for name, prompt in prompts_of(run, "sw", k)[0].items():
            ids = tokenizer(prompt, return_tensors="pt").input_ids
            said = model.generate(ids, max_new_tokens=3, do_sample=False)[0, ids.shape[1] :]
            assert found.output[name, k] == tokenizer.decode(said, skip_special_tokens=True)


def test_it_goes_on_where_it_was_left_and_is_another_run(small, tmp_path):
    some = {"strategies": ("attn-swap",), "pairs": "4:2", "limit": 4}
    whole = small(tmp_path / "whole", baselines=EVERY, **some)
    small(tmp_path / "two", baselines=EVERY, shard=(1, 2), **some)
    run = small(tmp_path / "two", baselines=EVERY, **some)
    for path in sorted(whole.path.glob("*/task=*/**/*.parquet")):
        assert (run.path / path.relative_to(whole.path)).read_bytes() == path.read_bytes()
    without = small(tmp_path / "whole", **some)
    assert without.path != whole.path
    kept = records(whole)
    kept = kept[~kept.strategy.isin(NAMES)].reset_index(drop=True)
    for name in ("example", "strategy", "output", "match", "unchanged"):
        if name in kept:
            assert kept[name].astype(str).tolist() == records(without)[name].astype(str).tolist()
    assert np.abs(
        np.stack(kept.logprobs.to_list()) - np.stack(records(without).logprobs.to_list())
    ).max() < 1e-4  # fmt: skip


def test_few_shot_items_are_not_evaluated_and_are_drawn_by_the_seed(small):
    plans = {
        seed: make_plan(
            replace(
                SMALL, split="unseen", langs=("sw",), baselines=EVERY, data=DataSource(seed=seed)
            )
        )
        for seed in (0, 1, 2)
    }
    drawn = set()
    for plan in plans.values():
        task = plan.tasks["babel"]
        (few,) = (one for one in task.baselines if one.shots)
        assert few.split == "pilot"
        assert not {one.source for one in few.shots["sw"]} & {
            one.source for one in task.examples["sw"]
        }
        drawn.add(tuple(one.id for one in few.shots["sw"]))
    assert len(drawn) == len({plan.id for plan in plans.values()}) == 3
    again = replace(plans[0].config, baselines=("few-shot(k=2)", *NAMES[1::-1]))
    assert make_plan(again).id == plans[0].id
    # Where the pilot itself is evaluated, what the limit leaves out is drawn from.
    (few,) = (
        make_plan(replace(SMALL, langs=("sw",), limit=57, baselines=("few-shot",)))
        .tasks["babel"]
        .baselines
    )
    assert {one.id for one in few.shots["sw"]} == {
        one.id for one in load_examples(find_task("babel"), "sw").examples[57:]
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"limit": 58, "baselines": ("few-shot",)},
         r"few-shot\(k=3\): babel pilot, sw has 2 items .* 3 are needed .*--limit"),
        ({"baselines": ("few-shots",)}, r"'few-shots': there are source-then-target"),
        ({"baselines": ("few-shot(k=0)",)}, "N from 1"),
        ({"baselines": ("concat",), "strategies": (), "pairs": "4:2"}, "--pairs 4:2 does nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(changes, said):
    with pytest.raises(XTransplantError, match=said) as error:
        make_plan(replace(SMALL, langs=("sw",), **changes))
    assert "\n" not in str(error.value)


def test_a_report_has_them_beside_the_prompts_with_what_they_mend_and_keep(small):
    some = {"baselines": EVERY, "limit": 6}
    run = small(**some, strategies=("attn-swap",), pairs="4:2")
    frame = records(run)
    (table,) = make_tables([summarise(run)])
    assert [row.key for row in table.rows[:5]] == ["vanilla", "source", *NAMES]
    for row in table.rows[2:5]:
        own = frame[frame.strategy == row.key]
        assert row.micro.right == own.match.sum()
        assert row.micro.n == 12
        for which in ("gap", "shared"):
            of_set = own[own.set_match == which]
            for lang, rate in row.sets[which].rates.items():
                mine = of_set[of_set.lang == lang]
                assert (rate.right, rate.n) == (mine.match.sum(), len(mine))
    csv = to_frame([summarise(run)])
    csv = csv[(csv.kind == "baseline") & (csv.level == "match")]
    assert csv.groupby("strategy").n.sum().to_dict() == dict.fromkeys(NAMES, 12)
    document = json.loads(to_lm_eval([summarise(run)]))
    assert document["results"]["babel_en-to-lang_pilot_score"]["n,few-shot(k=2)"] == 12
    (text,) = write_report([run.path], formats=["markdown"]).texts
    assert "judged in the source's language" in text
    assert "drawn from the pilot split" in text
    assert "few-shot" in runs(run.path.parent).strategies[0]
    # A run of baselines alone stands in the table of any grid.
    alone = small(**some, strategies=())
    assert alone.manifest.strategies == {}
    other = small(strategies=("attn-swap",), pairs="4:2,1:2", limit=6)
    (table,) = make_tables([summarise(other), summarise(alone)])
    assert {"source-then-target", "attn-swap,bound"} <= {row.key for row in table.rows}


def test_with_a_set_they_run_on_its_examples(small):
    some = {"split": "unseen", "limit": 8, "langs": ("sw",)}
    every = records(small(baselines=EVERY, strategies=("none",), pairs="1:1", **some))
    found = records(small(baselines=EVERY, strategies=(), only="gap", **some))
    for name in NAMES:
        own, whole = (one[one.strategy == name] for one in (found, every))
        whole = whole[whole.set_match == "gap"]
        assert own.example.tolist() == whole.example.tolist() != []
        assert own.match.tolist() == whole.match.tolist()


def test_a_pilot_runs_them_where_pairs_are_applied(babel_model, tmp_path):
    config = replace(SMALL, limit=2, langs=("sw",), strategies=("attn-swap",), pairs="4:2,1:2",
                     baselines=("few-shot(k=2)",))  # fmt: skip
    done = pilot(config, RunContext(tmp_path), model=babel_model)
    assert done.first.manifest.tasks["babel"].baselines == {}
    assert set(records(done.second).strategy) == {"vanilla", "source", "attn-swap", NAMES[2]}
    with pytest.raises(XTransplantError, match=r"few-shot\(k=99\): babel unseen, sw has 60 items"):
        pilot(replace(config, baselines=("few-shot(k=99)",)), RunContext(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_an_example_is_left_out_where_a_baselines_prompt_is_too_long(babel_model):
    plan = make_plan(replace(SMALL, langs=("sw",), strategies=(), baselines=("few-shot(k=40)",)))
    with pytest.raises(XTransplantError, match="every example is longer"):
        leave_out_too_long(plan, babel_model)
    short = replace(plan.config, baselines=("few-shot(k=2)",))
    assert leave_out_too_long(make_plan(short), babel_model).tasks["babel"].too_long == {}


def test_a_prompt_that_ends_as_the_source_has_candidates_spelled_as_there():
    example = Example(
        "Country:", "国：", ("东京", "北京"), "北京", key=Key(("北京",)),
        source_key=Key(("Beijing",)), source_candidates=(" Tokyo", " Beijing"),
    )  # fmt: skip
    found = Baseline("target-then-source").example(example, "zh")
    assert (found.target, found.candidates, found.answer) == (
        "国：\nCountry:", (" 东京", " 北京"), " 北京"
    )  # fmt: skip
    same = Baseline("source-then-target").example(example, "zh")
    assert (same.target, same.candidates) == ("Country:\n国：", example.candidates)
    assert gold_after_source(example) == " Beijing"
    assert gold_after_source(replace(example, candidates=(), source_candidates=())) == " Beijing"
    assert gold_after_source(replace(example, source_key=Key(()))) is None
    rows = Rows("score")
    for name in ("target-then-source", "source-then-target"):
        rows.add(0, name, (), logprobs=np.array([[-3.0, -1.0]]), top_token=[" 北"],
                 finite=[True], unchanged=[False])  # fmt: skip
    table = judge(rows.table(), examples_table([example], 0, 1), "begins").to_pydict()
    assert table["match"] == [True, True]
    assert table["strict"] == [True, False]


def test_names():
    assert parse_baselines(["few-shot", "concat", "few-shot(k=3)"]) == ("few-shot(k=3)", *NAMES[:2])


def test_a_users_file_gives_what_the_limit_leaves_out(tmp_path):
    rows = [
        {"source": f"q{k} ", "target": f"t{k}", "answer": str(k), "source_answer": str(k)}
        for k in range(5)
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = Config(
        tasks=("file",), strategies=(), data=DataSource(file=file), mode="generate", limit=3,
        model=ModelSpec(str(CHECKPOINT)), baselines=("few-shot(k=1)",),
    )  # fmt: skip
    task = make_plan(config).tasks["file"]
    (example, *_), (few,) = task.examples["xx"], task.baselines
    (shot,) = few.shots["xx"]
    assert shot.source in ("q3 ", "q4 ")
    prompt = few.example(example, "xx").target
    assert prompt == f"{shot.source}{shot.answer}\n\n{example.target}"
