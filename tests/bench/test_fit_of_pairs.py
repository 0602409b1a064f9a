"""Fits to the vectors of prompts: pairs in a file of one's own, each distinct prompt once."""

import json
from pathlib import Path

import pytest
import torch
from reference import read_last
from safetensors.torch import load_file

from xtransplant import find_strategy
from xtransplant.bench.fit import fit
from xtransplant.bench.fit_flags import FitFlags
from xtransplant.bench.fit_parts import Parts, StoredStatistics
from xtransplant.bench.flags import DataFlags
from xtransplant.bench.parse_fit import parse_fit
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

CULTURES = {"ke": "In Kenya: ", "jp": "In Japan: "}
PROMPTS = ("At breakfast one drinks", "The coins are called", "A child greets with")


def test_the_vector_of_a_culture_is_what_naming_it_does(babel_model, tmp_path):
    rows = [
        {"source": named + text, "target": text, "answer": " tea", "lang": lang}
        for text in PROMPTS
        for lang, named in CULTURES.items()
    ]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    flags = FitFlags(tmp_path / "fit", ["file"], split="all", data=DataFlags(file=file))
    config, context = parse_fit("cultural-vector", flags)
    made = fit(config, context, model=babel_model)
    found = load_file(Path(made.path) / "fit.safetensors")
    assert {*found} == {"vector/ke", "vector/jp"}

    def read(text):
        return read_last(babel_model.module, prompt_ids(babel_model, text), "resid_post", 3)

    for lang, named in CULTURES.items():
        wanted = torch.stack([read(named + text) - read(text) for text in PROMPTS]).mean(0)
        torch.testing.assert_close(found[f"vector/{lang}"][3], wanted, atol=1e-4, rtol=1e-4)


def numbers(prompt):
    """Made up, the same for the same prompt."""
    seed = torch.Generator().manual_seed(sum(prompt.encode()) % 997)
    return torch.randn(3, 6, generator=seed)


def test_each_distinct_prompt_of_a_language_has_one_vector(tmp_path):
    examples = []
    for lang in ("sw", "hi"):
        # Both languages have the same sources, and one example stands there twice.
        own = load_examples(find_task("babel"), lang, split="pilot").examples[:11]
        examples += [*own, own[3]]
    parts = Parts(tmp_path, "these", find_strategy("itlc").fitting, examples)
    parts.capture(numbers, lambda done: None, lambda read: None)
    stats = StoredStatistics(parts)
    assert len(parts) > 1
    for lang in ("en", "sw", "hi"):
        prompts = {one.source for one in examples if one.source_lang == lang}
        prompts |= {one.target for one in examples if one.target_lang == lang}
        wanted = torch.stack([numbers(prompt) for prompt in prompts])
        for layer in range(3):
            found = stats.vectors(lang, layer)
            assert len(found) == stats.count(lang) == len(prompts)
            torch.testing.assert_close(found.sort(0).values, wanted[:, layer].sort(0).values)
    assert stats.target_languages == ("sw", "hi")
    with pytest.raises(KeyError, match="target_languages are sw, hi"):
        stats.pairs("en", 0)
