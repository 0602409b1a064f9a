"""Families that the table does not have, and tables by hand."""

import json

import pytest
import torch
from refusals import refusal
from tiny import GOLDEN
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from xtransplant.model.families import Family, Place
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.load import load

GPTJ = {
    "layers": "transformer.h",
    "attn": {"module": "attn"},
    "ffn": {"module": "mlp"},
    "head": {"module": "attn.out_proj", "side": "input"},
    "parallel": True,
}


@pytest.fixture(autouse=True)
def _table_without_gptj(monkeypatch):
    monkeypatch.delitem(FAMILIES, "gptj")


@pytest.fixture(scope="module")
def gptj(tmp_path_factory):
    """A checkpoint of a family that the table does not have."""
    folder = tmp_path_factory.mktemp("gptj")
    config = AutoConfig.for_model(
        "gptj", vocab_size=600, n_embd=48, n_layer=2, n_head=4, rotary_dim=4
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(GOLDEN / "llama").save_pretrained(folder)
    return folder


def test_unknown_family(gptj):
    message = refusal(gptj)
    for part in (
        "'gptj'",
        "transformer.h.N: ",
        "attn.out_proj",
        "--family FILE.json",
        "Family(...)",
    ):
        assert part in message


def test_table_by_hand(gptj, tmp_path):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(GPTJ))
    table = Family(
        "transformer.h",
        attn=Place("attn"),
        ffn=Place("mlp"),
        head=Place("attn.out_proj", "input"),
        parallel=True,
    )
    assert load(gptj, family=path).family == load(gptj, family=table).family == table
    assert load(gptj, family=str(path)).parallel


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "ends in the middle"),
        ("[1]", "is not a table"),
        ('{"layers": "h"}', "no 'attn'"),
        (json.dumps({**GPTJ, "head": {"module": "x", "side": "inpt"}}), "side 'inpt'"),
        (json.dumps({**GPTJ, "windows": "some"}), "windows 'some' is none of full"),
        (json.dumps({**GPTJ, "colour": "red"}), "colour"),
        (json.dumps({**GPTJ, "layers": "transformer.ln_f"}), "not laid out"),
        (json.dumps({**GPTJ, "ffn": {"module": "nothing"}}), "`nothing`; its modules are"),
        (json.dumps({**GPTJ, "head": {"module": "mlp.act", "side": "input"}}), "not a projection"),
    ],
)
def test_bad_table(gptj, tmp_path, content, says):
    path = tmp_path / "table.json"
    path.write_text(content)
    assert says in refusal(gptj, family=path)
