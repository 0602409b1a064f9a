"""A fit to pairs of prompts in a file of one's own, with nothing to choose or to score."""

import json
from pathlib import Path

import torch
from reference import read_last
from safetensors.torch import load_file

from xtransplant.bench.fit import fit
from xtransplant.bench.fit_flags import FitFlags
from xtransplant.bench.flags import DataFlags
from xtransplant.bench.parse_fit import parse_fit
from xtransplant.engine.ask.tokenise import prompt_ids

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
