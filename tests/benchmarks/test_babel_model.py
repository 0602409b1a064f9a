"""The bundled checkpoint, and the evaluation that measures it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from xtransplant.benchmarks.babel import CHECKPOINT, babel
from xtransplant.benchmarks.babel.evaluate import SITES, Group, Prompts, patched, read
from xtransplant.benchmarks.babel.task import CANDIDATES
from xtransplant.benchmarks.babel.train import Recipe, train_tokenizer
from xtransplant.benchmarks.babel.world import corpus


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(CHECKPOINT)


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(CHECKPOINT, dtype=torch.float32).eval()


def test_the_checkpoint_is_one_small_file() -> None:
    files = {file.name: file.stat().st_size for file in CHECKPOINT.iterdir()}
    assert [name for name in files if name.endswith(".safetensors")] == ["model.safetensors"]
    assert sum(files.values()) < 8_000_000
    assert {"config.json", "generation_config.json", "tokenizer.json"} <= set(files)


def test_every_answer_is_one_token(tokenizer: Any) -> None:
    ids = [tokenizer.encode(text, add_special_tokens=False) for text in CANDIDATES]
    assert {len(each) for each in ids} == {1}
    assert len({each[0] for each in ids}) == len(CANDIDATES)


def test_an_answer_does_not_grow_together_with_its_prompt(tokenizer: Any) -> None:
    for lang in babel.languages:
        for example in babel.examples(lang, "en-to-lang", "pilot")[:8]:
            alone = tokenizer.encode(example.target)
            whole = tokenizer.encode(example.target + (example.answer or ""))
            assert whole[:-1] == alone


def test_the_tokenizer_comes_out_of_the_corpus_again(tokenizer: Any) -> None:
    again = train_tokenizer([text for pair in corpus(0) for text in pair], Recipe())
    assert again.get_vocab() == tokenizer.get_vocab()


@pytest.mark.parametrize("lang", list(babel.languages))
@torch.no_grad()
def test_shared_facts_are_known(model: Any, tokenizer: Any, lang: str) -> None:
    group = Group(model, tokenizer, babel.examples(lang, "en-to-lang", "shared"))
    assert group.vanilla().greedy.double().mean() >= 0.95
    assert group.source().greedy.double().mean() >= 0.95


@pytest.mark.parametrize("site", list(SITES))
@torch.no_grad()
def test_writing_what_was_there_changes_nothing(model: Any, tokenizer: Any, site: str) -> None:
    (example, *_) = babel.examples("sw", "en-to-lang", "pilot")
    prompts = Prompts(model, tokenizer, [example.source])
    before = prompts.logits()
    for j, value in enumerate(read(model, site, prompts)):
        with patched(model, site, j, value):
            torch.testing.assert_close(prompts.logits(), before)
    with patched(model, site, 0, torch.ones_like(value)):
        assert (prompts.logits() - before).abs().max() > 0.01
    torch.testing.assert_close(prompts.logits(), before)


@torch.no_grad()
def test_the_cached_prompts_give_what_the_whole_prompt_gives(model: Any, tokenizer: Any) -> None:
    texts = [example.target for example in babel.examples("zh", "en-to-lang", "pilot")[:6]]
    cached = Prompts(model, tokenizer, texts).logits()
    for text, row in zip(texts, cached, strict=True):
        whole = model(**tokenizer(text, return_tensors="pt")).logits[0, -1]
        torch.testing.assert_close(row, whole, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_generation_gives_the_number_and_ends(model: Any, tokenizer: Any) -> None:
    example = babel.examples("sw", "en-to-lang", "shared")[0]
    ids = tokenizer(example.target, return_tensors="pt")
    text = tokenizer.decode(model.generate(**ids)[0, ids.input_ids.shape[1] :])
    assert text == f"{example.answer}.</s>"
