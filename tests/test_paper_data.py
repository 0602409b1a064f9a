"""The paper's own prompts, where they are at hand (their licences forbid shipping them)."""

import json
from pathlib import Path

import pytest
from tiny import GOLDEN

from xtransplant import Example, load, transplant

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "XNLI" / "XNLI_sample" / "split"


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the paper's prompts are not at {DATA}")
def test_a_first_xnli_prompt_generates_alike_in_both_layouts():
    source, target = (
        json.loads((DATA / f"{lang}.json").read_text().splitlines()[0]) for lang in ("en", "sw")
    )
    model = load(GOLDEN / "llama")
    example = Example(source, target, source_lang="en", target_lang="sw")
    grid = transplant(model, example, "attn-swap", generations=True, max_new_tokens=8)
    from xtransplant.grid import verify_grid
    from xtransplant.strategies import find_strategy

    checked = verify_grid(model, grid, find_strategy("attn-swap"))
    assert checked.exact
    assert len(set(grid.generations.outputs)) > 1
