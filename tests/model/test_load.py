"""Loading: what can be asked for, and one line for whatever can go wrong."""

import json

import pytest
import torch
from refusals import configure, refusal
from tiny import GOLDEN, tiny_checkpoint, tiny_config
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer

from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.load import load


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_dtype(dtype):
    assert load(tiny_checkpoint("llama"), dtype=dtype).dtype == getattr(torch, dtype)


def test_options(folder):
    model = load(folder, attn_implementation="eager", family="mistral", device_map="cpu")
    assert model.config._attn_implementation == "eager"
    assert model.family is FAMILIES["mistral"]
    assert model.name == str(folder)
    assert model.keeps_logits


@pytest.mark.parametrize("name", ["babel", "babel/checkpoint"])
def test_the_bundled_model_goes_by_its_name(name):
    from xtransplant.benchmarks.babel import CHECKPOINT

    assert load(name).name == str(CHECKPOINT)


@pytest.mark.parametrize("name", ["nobody/nothing-here", "nothinghere"])
def test_unreachable_hub(name):
    message = refusal(name)
    assert repr(name) in message
    assert "HF_HUB_OFFLINE" in message
    assert "--model PATH" in message


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "~/nothing/at/all"])
def test_no_folder(name):
    assert "does not exist" in refusal(name)


def test_a_file_is_no_folder(folder):
    assert "is a file" in refusal(folder / "config.json")


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("config.json", None, "has no config.json"),
        ("config.json", b"{bad", "config.json that is not valid JSON"),
        ("config.json", b"{}", "without model_type"),
        ("model.safetensors", None, "no .safetensors weights"),
        ("model.safetensors", b"garbage" * 9, "damaged .safetensors file (header too large)"),
        ("tokenizer.json", None, "has no tokenizer"),
        ("tokenizer.json", b"{", "cannot be loaded: JSONDecodeError"),
    ],
)
def test_damaged_folder(folder, file, content, says):
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    message = refusal(folder)
    assert says in message
    assert str(folder) in message


def test_a_tokenizer_that_forgets_the_beginning_is_said_and_mended(folder, caplog):
    assert load(folder).beginning.by_tokenizer
    assert not caplog.records
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert load(folder).beginning.missing
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("xtransplant", "WARNING")
    assert f"{folder}: the tokenizer adds no <s>" in record.getMessage()
    caplog.clear()
    mended = load(folder, add_bos=True)
    assert not caplog.records
    assert prompt_ids(mended, "Jibu:") == prompt_ids(load(tiny_checkpoint("llama")), "Jibu:")


def test_add_bos_that_changes_nothing_is_refused(folder):
    assert "adds <s> itself; leave --add-bos off" in refusal(folder, add_bos=True)


@pytest.mark.parametrize("kind", ["t5", "vit"])
def test_not_a_causal_lm(folder, kind):
    configure(folder, model_type=kind)
    assert f"is of type {kind!r}, which is not a causal language model" in refusal(folder)


def test_type_that_transformers_does_not_know(folder):
    configure(folder, model_type="madeup")
    assert "'madeup', which this release of transformers does not know" in refusal(folder)


def test_remote_code_is_not_run(folder):
    configure(
        folder,
        model_type="madeup",
        auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},
    )
    (folder / "own.py").write_text("raise SystemExit('the code of the checkpoint ran')")
    assert "pass --trust-remote-code" in refusal(folder)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dtype": "int8"}, "choose auto, float32"),
        ({"device_map": "nonsense"}, "nonsense"),
        ({"attn_implementation": "nonsense"}, "nonsense"),
        ({"family": "lama"}, "did you mean 'llama'?"),
        ({"family": "no/such/table.json"}, "neither a family, nor a line of JSON"),
        ({"family": "gpt2"}, "no attribute `transformer`; its modules are model.layers.N"),
    ],
)
def test_bad_option(options, says):
    assert says in refusal(tiny_checkpoint("llama"), **options)


_QWEN = {
    "depth": 1, "num_heads": 2, "intermediate_size": 32, "out_hidden_size": 48,
    "num_position_embeddings": 16,
}  # fmt: skip
# By type of a multimodal checkpoint: its text model's, and what its vision model needs.
VISION = {
    "gemma3": ("gemma3_text", {"intermediate_size": 32}),
    "llama4": ("llama4_text", {
        "intermediate_size": 64, "vision_output_dim": 32, "projector_input_dim": 32,
        "projector_output_dim": 32,
    }),
    "mistral3": ("ministral3", {"model_type": "pixtral", "intermediate_size": 32}),
    "qwen3_5": ("qwen3_5_text", _QWEN),
    "qwen3_5_moe": ("qwen3_5_moe_text", _QWEN),
    "gemma4": ("gemma4_text", {"head_dim": 16, "num_key_value_heads": 2, "intermediate_size": 32}),
    "gemma4_unified": ("gemma4_unified_text", {}),
    "cohere2_vision": ("cohere2", {"model_type": "siglip_vision_model", "intermediate_size": 32}),
}  # fmt: skip


@pytest.mark.parametrize("family", VISION)
def test_multimodal_wrapper_of_a_family(family, tmp_path):
    kind, more = VISION[family]
    text = tiny_config(kind).to_dict()
    seeing = {
        "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28,
        "patch_size": 14, **more,
    }  # fmt: skip
    config = AutoConfig.for_model(family, text_config=text, vision_config=seeing)
    torch.manual_seed(0)
    AutoModelForImageTextToText.from_config(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(GOLDEN / "llama").save_pretrained(tmp_path)
    model = load(tmp_path)
    assert model.windows == load(tiny_checkpoint(kind), check=False).windows
    assert model.n_layers == 4
