"""What the paper's released code generates, token for token: 384 lines, a third of them twice."""

import json

import pytest
from tiny import GOLDEN

from xtransplant import Example, find_strategy, load
from xtransplant.engine.generate import generate
from xtransplant.packing import MASKED, SHARED

PROMPTS = json.loads((GOLDEN / "prompts.json").read_text())


@pytest.mark.parametrize(
    ("kind", "strategy"), [("attn", "attn-swap-official"), ("ffn", "ffn-swap")]
)
@pytest.mark.parametrize(
    ("name", "packing"),
    [("llama", SHARED), ("mistral", SHARED), ("qwen2", SHARED), ("llama", MASKED)],
    ids=str,
)
def test_released_code_is_reproduced(name, kind, strategy, packing):
    expected = json.loads((GOLDEN / f"expected_{kind}.json").read_text())
    model = load(GOLDEN / name)
    seen = 0
    for prompt in PROMPTS:
        lines = [e for e in expected if e["model"] == name and e["prompt"] == prompt["id"]]
        generations = generate(
            model,
            Example(source=prompt["aux"], target=prompt["main"]),
            find_strategy(strategy),
            [(line["source_layer"], line["target_layer"]) for line in lines],
            packing=packing,
        )
        assert [line["output"] for line in lines] == list(generations.outputs)
        assert {line["vanilla"] for line in lines} == {generations.vanilla}
        seen += len(lines)
    assert seen == 64
