"""Tiny GGUF files written with the package gguf, as llama.cpp's own converter lays them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

gguf = pytest.importorskip("gguf", reason="the package gguf is not installed")


def write_gguf(
    checkpoint: str | Path, path: Path, *, kind: str = "F32", name: str = "", **says: Any
) -> Path:
    """A checkpoint of safetensors, of type llama or gemma3_text, as a GGUF file.

    Args:
        checkpoint: a folder with the golden tokenizer.
        path: of the file.
        kind: how matrices are stored, ``F32`` or a quantized type such as ``Q8_0``.
        name: of the architecture, in the place of the checkpoint's own.
        says: further metadata: truths of the tokenizer, such as ``add_bos_token``, and texts by
            any key, its dots doubled underscores; None leaves a key out.
    """
    folder = Path(checkpoint)
    config = json.loads((folder / "config.json").read_text())
    own = {"llama": "llama", "gemma3_text": "gemma3"}[config["model_type"]]
    writer = gguf.GGUFWriter(path, name or own)
    _write_shape(writer, config)
    _write_tokenizer(writer, folder, config, says)
    arch = {"llama": gguf.MODEL_ARCH.LLAMA, "gemma3": gguf.MODEL_ARCH.GEMMA3}[own]
    names = gguf.get_tensor_name_map(arch, config["num_hidden_layers"])
    for key, weight in load_file(folder / "model.safetensors").items():
        target = names.get_name(key, try_suffixes=(".weight", ".bias"))
        value = _stored(own, key, weight, config)
        if value.ndim < 2 or kind == "F32":
            writer.add_tensor(target, value)
        else:
            quantized = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(target, gguf.quantize(value, quantized), raw_dtype=quantized)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def exact_norms(checkpoint: Path) -> Path:
    """Round a checkpoint's norms so that adding one to them and taking it away loses nothing."""
    weights = load_file(checkpoint / "model.safetensors")
    for key in weights:
        if "norm" in key:
            weights[key] = np.round(weights[key] * 1024) / np.float32(1024)
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    return checkpoint


def _write_shape(writer: Any, config: dict[str, Any]) -> None:
    writer.add_name("tiny")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if config["model_type"] == "llama":
        writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
        writer.add_rope_dimension_count(config["head_dim"])
    else:
        writer.add_rope_freq_base(config["rope_parameters"]["full_attention"]["rope_theta"])
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
        writer.add_sliding_window(config["sliding_window"])


def _write_tokenizer(
    writer: Any, folder: Path, config: dict[str, Any], says: dict[str, Any]
) -> None:
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in ("<unk>", "<s>", "</s>") else 1 for token in tokens])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    for key, value in says.items():
        if isinstance(value, bool):
            writer.add_bool(f"tokenizer.ggml.{key}", value)
        elif value is not None:
            writer.add_string(key.replace("__", "."), value)


def _stored(architecture: str, key: str, weight: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """As llama.cpp stores it: Llama's queries and keys reordered, Gemma's norms plus one."""
    if architecture == "gemma3" and "norm" in key:
        return weight + np.float32(1)
    if architecture == "llama" and (".q_proj." in key or ".k_proj." in key):
        heads = config["num_attention_heads" if ".q_proj." in key else "num_key_value_heads"]
        halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
        return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))
    return weight
