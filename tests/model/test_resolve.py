"""Families that the table does not have, and tables by hand."""

import json
import re
import shlex
from dataclasses import replace

import pytest
import torch
from refusals import refusal
from tiny import FAMILY_NAMES, GOLDEN, tiny_checkpoint, tiny_config
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from xtransplant.model.by_hand import family_by_hand
from xtransplant.model.families import Family, Place
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.guess import family_to_try
from xtransplant.model.load import load
from xtransplant.sites import INNER

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
        "try --family codegen, which is checked",
        "transformer.h.N: ",
        "attn.out_proj",
        "--family FILE.json",
        "Family(...)",
    ):
        assert part in message


def test_what_is_proposed_loads(gptj, monkeypatch):
    monkeypatch.delitem(FAMILIES, "codegen")
    found = re.search(r"try --family '(.*?)', which", refusal(gptj))
    assert json.loads(found[1]) == {
        "attn": "attn",
        "ffn": "mlp",
        "head": "attn.out_proj",
        "layers": "transformer.h",
        "parallel": True,
    }
    assert load(gptj, family=found[1]).parallel


def test_a_proposal_is_the_table_that_each_family_has(monkeypatch):
    """Without its own line; of those laid out like no other, the check judges."""
    wrong = set()
    for family in FAMILY_NAMES:
        config = tiny_config(family)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        own = FAMILIES.get(family, FAMILIES["codegen"])
        with monkeypatch.context() as patch:
            patch.delitem(FAMILIES, family, raising=False)
            line = family_to_try(model, config)
            if not line or _outer(family_by_hand(shlex.split(line)[0])) != _outer(own):
                wrong.add(family)
    assert wrong == {
        "afmoe", "bloom", "dbrx", "falcon", "gpt_neo", "gpt_neox", "hyperclovax", "minicpm3", "mpt",
        "stablelm",
    }  # fmt: skip


def _outer(family):
    """Without the sites inside modules, which a proposal has if it is like a family that has."""
    return replace(family, **dict.fromkeys(INNER))


def test_a_line_says_what_differs_from_a_known_family(gptj):
    like_llama = '{"like": "llama", "layers": "transformer.h", "attn": "attn", "ffn": "mlp",'
    line = like_llama + '"head": "attn.out_proj", "parallel": true, "neurons": "mlp.fc_out",'
    line += '"keys": "attn.k_proj", "values": "attn.v_proj"}'
    assert load(gptj, family=line).family == family_by_hand("codegen")
    raw = family_by_hand('{"like": "gemma2", "attn_raw": null, "ffn_raw": {"module": "x"}}')
    assert raw == replace(FAMILIES["gemma2"], attn_raw=None, ffn_raw=Place("x"))


def test_a_factor_that_nothing_has_is_one_line():
    for named in ("nope", "mlp"):
        said = refusal(tiny_checkpoint("llama"), family=f'{{"like": "llama", "scale": "{named}"}}')
        assert f"has a number '{named}', which its table names as scale" in said


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
        ('{"like": "llma"}', "did you mean 'llama'"),
        ('{"like": "llama", "layer": "h"}', "did you mean 'layers'"),
        ('{"like": "llama", "layers": 3}', "not 3"),
        ('{"like": "llama", "attn": 3}', "attn is a module's path, not 3"),
        ('{"like": "llama", "layers": "transformer.h"}', "`self_attn`; its modules are"),
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
