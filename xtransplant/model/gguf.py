"""A GGUF file as a model: dequantized by transformers, its prompts begun as the file says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xtransplant.compat.gguf import dense, metadata_of, quick_reader
from xtransplant.model.checkpoint import Checkpoint

__all__ = ["ADD_BOS", "honour_file", "model_options", "plain", "reading"]

ADD_BOS = "tokenizer.ggml.add_bos_token"


@contextmanager
def reading(checkpoint: Checkpoint) -> Iterator[None]:
    """While it is open, transformers reads the checkpoint quickly if it is a GGUF file."""
    if checkpoint.gguf_file is None:
        yield
        return
    with quick_reader():
        yield


def honour_file(tokenizer: Any, checkpoint: Checkpoint, revision: str | None) -> None:
    """Have the tokenizer put the beginning-of-sequence token before a prompt as its file says.

    transformers makes the tokenizer from the file's vocabulary and leaves that out. Gemma, which
    never saw a text without ``<bos>``, then answers noise.
    """
    path = checkpoint.file(revision)
    if checkpoint.gguf_file is None or path is None or tokenizer.bos_token_id is None:
        return
    says = metadata_of(str(path)).get(ADD_BOS)
    adds = list(tokenizer("a").input_ids)[:1] == [tokenizer.bos_token_id]
    if says is not None and bool(says) != adds:
        tokenizer.add_bos_token = bool(says)


def model_options(checkpoint: Checkpoint, config: Any) -> dict[str, Any]:
    """What the model's ``from_pretrained`` takes of a GGUF file: its configuration, read once."""
    if checkpoint.gguf_file is None:
        return {}
    import transformers

    # Of some architectures newer releases keep the weights packed where a kernel is at hand.
    packed = getattr(transformers, "GgufConfig", None)
    unpack = {} if packed is None else {"quantization_config": packed(dequantize=True)}
    return {"config": config, **unpack}


def plain(module: Any, checkpoint: Checkpoint) -> Any:
    """The model that was read: of a GGUF file one like any other, in float32."""
    if checkpoint.gguf_file is not None:
        dense(module)
    return module
