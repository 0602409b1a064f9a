"""Loading: what can be asked for, and one line for whatever can go wrong."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import GOLDEN, SPECIAL, tiny_checkpoint
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, modeling_utils
from transformers.utils import loading_report

from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.errors import XTransplantError
from xtransplant.model.families import FAMILIES, Family, Place
from xtransplant.model.load import load

GPTJ = {
    "layers": "transformer.h",
    "attn": {"module": "attn"},
    "ffn": {"module": "mlp"},
    "head": {"module": "attn.out_proj", "side": "input"},
    "parallel": True,
}


@pytest.fixture
def folder(tmp_path):
    """A checkpoint to damage."""
    return shutil.copytree(tiny_checkpoint("llama"), tmp_path / "model")


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


def refusal(name, **options):
    """The one line that a user gets."""
    with pytest.raises(XTransplantError) as caught:
        load(name, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message == message.strip()
    return message


def configure(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_dtype(dtype):
    assert load(tiny_checkpoint("llama"), dtype=dtype).dtype == getattr(torch, dtype)


def test_options(folder):
    model = load(folder, attn_implementation="eager", family="mistral", device_map="cpu")
    assert model.config._attn_implementation == "eager"
    assert model.family is FAMILIES["mistral"]
    assert model.name == str(folder)
    assert model.keeps_logits


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


def test_half_downloaded_weights(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "damaged .safetensors file (incomplete metadata" in refusal(folder)


def test_pickled_weights_are_not_read(folder):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    assert "other formats are not read" in refusal(folder)


def test_missing_weights_are_not_made_up(folder):
    # transformers only warns, and draws them at random.
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"], weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    message = refusal(folder)
    assert "lacks weights of its architecture: model.layers.1.mlp.up_proj.weight" in message
    assert "and 1 more" in message


def test_a_reworded_or_silent_log_passes_no_random_weights(folder, monkeypatch):
    monkeypatch.setattr(
        loading_report.LoadStateDictInfo,
        "create_loading_report",
        lambda self, model=None: "all is well" if self.missing_keys else None,
    )
    monkeypatch.setattr(modeling_utils.logger, "warning", lambda *_: None)
    weights = load_file(folder / "model.safetensors")
    whole = dict(weights)
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lacks weights of its architecture: model.norm.weight" in refusal(folder)
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
    configure(folder, intermediate_size=50)
    assert "of other shapes than its config.json says: model.layers" in refusal(folder)


def test_a_tied_head_is_not_missing_unless_both_ends_are(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lm_head.weight" in refusal(folder)
    configure(folder, tie_word_embeddings=True)
    load(folder)
    del weights["model.embed_tokens.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lm_head.weight and 1 more" in refusal(folder)


@pytest.mark.parametrize("family", ["mixtral", "gpt_oss", "gpt_neox"])
def test_weights_that_are_joined_or_renamed_are_missed_too(family, tmp_path):
    folder = shutil.copytree(tiny_checkpoint(family), tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    gone = sorted(name for name in weights if "expert" in name or "dense_h_to_4h" in name)
    del weights[gone[0]]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    refusal(folder)


def test_a_dtype_that_fails_is_not_replaced_by_another(folder, monkeypatch):
    real = AutoModelForCausalLM.from_pretrained

    def choosy(*args, **options):
        if options["dtype"] != torch.float32:
            raise RuntimeError("no kernels for it here")
        return real(*args, **options)

    # transformers' pipeline would try float32 then, and say so in its log alone.
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", choosy)
    assert "no kernels for it here" in refusal(folder, dtype="bfloat16")


def test_weights_of_another_shape(folder):
    configure(folder, intermediate_size=50)
    assert "of other shapes than its config.json says: model.layers" in refusal(folder)


def test_spare_weights_do_no_harm(folder):
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    load(folder)


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
        ({"family": "no/such/table.json"}, "neither a family nor a file"),
        ({"family": "gpt2"}, "no attribute `transformer`; its modules are model.layers.N"),
    ],
)
def test_bad_option(options, says):
    assert says in refusal(tiny_checkpoint("llama"), **options)


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


VISION = {
    "gemma3": {"intermediate_size": 32},
    "llama4": {"intermediate_size": 64, "vision_output_dim": 32, "projector_input_dim": 32,
               "projector_output_dim": 32},
}  # fmt: skip


@pytest.mark.parametrize("family", VISION)
def test_multimodal_wrapper_of_a_family(family, tmp_path):
    text = {
        "vocab_size": 600, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 4,
        "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 2,
        **SPECIAL[f"{family}_text"],
    }  # fmt: skip
    seeing = {
        "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28,
        "patch_size": 14, **VISION[family],
    }  # fmt: skip
    import transformers

    config = AutoConfig.for_model(family, text_config=text, vision_config=seeing)
    torch.manual_seed(0)
    kind = {"gemma3": "Gemma3", "llama4": "Llama4"}[family] + "ForConditionalGeneration"
    getattr(transformers, kind)(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(GOLDEN / "llama").save_pretrained(tmp_path)
    model = load(tmp_path)
    assert len(model.windows) == 2
    assert model.n_layers == 4
