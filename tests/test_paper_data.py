"""The paper's own prompts, where they are at hand (their licences forbid shipping them)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import GOLDEN
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from xtransplant import Example, load, transplant
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.grid.check import verify_grid
from xtransplant.report.summary import summarise
from xtransplant.runs import records
from xtransplant.strategies import find_strategy
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PAPER = DataSource(data_dir=DATA)
TASKS = {"xnli": 13, "xquad": 11, "xcopa": 11, "global-opinion-qa": 19}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the paper's prompts are not at {DATA}"),
]


def lines(path):
    return [json.loads(line) for line in (DATA / path).read_text().split("\n") if line]


@pytest.fixture(scope="module")
def tiny_llama():
    return load(GOLDEN / "llama")


def test_a_first_xnli_prompt_generates_alike_in_both_layouts(tiny_llama):
    source, target = (lines(f"XNLI/XNLI_sample/split/{lang}.json")[0] for lang in ("en", "sw"))
    example = Example(source, target, source_lang="en", target_lang="sw")
    grid = transplant(tiny_llama, example, "attn-swap", generations=True, max_new_tokens=8)
    checked = verify_grid(tiny_llama, grid, find_strategy("attn-swap"))
    assert checked.exact
    assert len(set(grid.generations.outputs)) > 1


def test_the_questions_about_one_passage_are_one_item():
    own = [load_examples(find_task("xquad"), lang, split="unseen", data=PAPER).examples
           for lang in ("de", "zh")]  # fmt: skip
    groups = [[one.group for one in some] for some in own]
    assert groups[0] == groups[1]
    assert (len(groups[0]), len(set(groups[0]) - {""})) == (1140, 238)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("split", ["pilot", "unseen"])
def test_every_language_is_aligned_but_one(name, split):
    task = find_task(name)
    languages = task.languages_in(PAPER)
    assert len(languages) == TASKS[name]
    failed = {}
    for lang in languages:
        found = load_examples(task, lang, split=split, data=PAPER)
        if found.alignment.failed:
            failed[lang] = found.alignment.rows
    if (name, split) == ("xnli", "unseen"):
        assert list(failed) == ["de"]
        assert min(failed["de"]) == 210
        assert len(failed["de"]) > 500
    else:
        assert failed == {}


@pytest.mark.parametrize("mode", ["generate", "score"])
def test_the_numbers_are_those_of_an_evaluator_written_from_the_rules(tiny_llama, tmp_path, mode):
    n, heard = 2, []
    config = Config(
        tasks=("xnli",), strategies=("ffn-swap",), mode=mode, limit=n, max_new_tokens=8,
        data=PAPER, model=ModelSpec(str(GOLDEN / "llama")),
    )  # fmt: skip
    run = bench(config, RunContext(tmp_path, say=heard.append), model=tiny_llama)
    assert heard == []
    counted, said = summarise(run).tasks["xnli"].languages, records(run)
    assert len(counted) == TASKS["xnli"]
    for lang, counts in counted.items():
        folder = "XNLI/XNLI_sample"
        golds = lines(f"{folder}/ans/{lang}.json")[:n]
        labels = lines(f"{folder}/ans_lang/{lang}.json")[0]
        own = said[said.lang == lang]

        def right(row, golds=golds, labels=labels):
            if mode == "score":
                return "123"[row.logprobs.argmax()] == golds[row.example]
            text = row.output.replace("（", "(").replace("）", ")")
            found = [k for k in "123" if f"({k})" in text or text.strip() == k or labels[k] in text]
            return found == [golds[row.example]]

        verdicts = own.apply(right, axis=1)
        vanilla = own.strategy == "vanilla"
        assert counts.vanilla["match"].right == verdicts[vanilla].sum()
        tally = counts.strategies["ffn-swap"]["match"]
        grid = own[own.strategy == "ffn-swap"]
        assert tally.hits == {
            pair: verdicts[rows.index].sum()
            for pair, rows in grid.groupby(["source_layer", "target_layer"])
        }
        by_example = verdicts[grid.index].groupby(grid.example).any()
        assert tally.overall.right == by_example.sum()
    if mode == "generate":
        assert np.unique(said.output).size > 50
    else:
        assert 0.2 < said.match.mean() < 0.5


@pytest.mark.parametrize("name", ["XNLI", "XCOPA", "XQuAD", "GlobalOpinionQA"])
def test_the_papers_saved_pairs_load_and_apply(name, tmp_path):
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(GOLDEN / "llama")
    shape = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=32,
        num_attention_heads=2, max_position_embeddings=4096,
    )  # fmt: skip
    LlamaForCausalLM(shape).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    task = {"GlobalOpinionQA": "global-opinion-qa"}.get(name, name.lower())
    path = DATA / "saved_pairs" / f"{name}_sample" / "overall" / "Llama-2-7b-chat-hf.json"
    saved = json.loads(path.read_text())
    langs = [lang for lang in ("zh", "zh-CN", "sw", "es") if lang in saved]
    langs = [lang for lang in langs if lang in find_task(task).languages_in(PAPER)]
    config = Config(
        tasks=(task,), strategies=("ffn-swap",), langs=tuple(langs), pairs=f"@{path}", limit=1,
        mode="generate", max_new_tokens=2, data=PAPER, model=ModelSpec(str(tmp_path / "model")),
    )  # fmt: skip
    run = bench(config, RunContext(tmp_path / "runs"))
    found = records(run)
    assert langs
    for lang in langs:
        row = found[(found.lang == lang) & (found.strategy == "ffn-swap")].iloc[0]
        assert [row.source_layer, row.target_layer] == saved[lang]
