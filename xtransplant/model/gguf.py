"""A GGUF file as a model: dequantized by transformers, its prompts begun as the file says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers import AutoConfig

from xtransplant.compat.gguf import dense, metadata_of, quick_reader
from xtransplant.errors import XTransplantError
from xtransplant.model.checkpoint import Checkpoint

__all__ = ["ADD_BOS", "honour_file", "model_options", "plain", "read_config", "reading"]

_LOGGER = logging.getLogger("xtransplant")

ADD_BOS = "tokenizer.ggml.add_bos_token"


@contextmanager
def reading(checkpoint: Checkpoint) -> Iterator[None]:
    """While it is open, transformers reads the checkpoint quickly if it is a GGUF file."""
    if checkpoint.gguf_file is None:
        yield
        return
    with quick_reader():
        yield


def read_config(checkpoint: Checkpoint, revision: str | None, *, trusted: bool) -> Any:
    """A checkpoint's configuration; that of a GGUF file is read once in a process.

    transformers reads its whole vocabulary for it, which takes seconds.
    """
    path = checkpoint.file(revision)
    # A repository's branch may have moved on since.
    if checkpoint.gguf_file is None or path is None or not Path(checkpoint.place).is_dir():
        with reading(checkpoint):
            return _read_config(checkpoint, revision, trusted)
    stat = path.stat()
    file = str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    return deepcopy(_read_once(checkpoint, revision, file))


@lru_cache(maxsize=4)
def _read_once(checkpoint: Checkpoint, revision: str | None, file: tuple[str | int, ...]) -> Any:
    with reading(checkpoint):
        return _read_config(checkpoint, revision, False)


def _read_config(checkpoint: Checkpoint, revision: str | None, trusted: bool) -> Any:
    return AutoConfig.from_pretrained(
        checkpoint.place, revision=revision, trust_remote_code=trusted, **checkpoint.options
    )


def honour_file(checkpoint: Checkpoint, revision: str | None, config: Any, tokenizer: Any) -> None:
    """Have what transformers made of a file agree with what the file says.

    It makes the tokenizer from the file's vocabulary and leaves out whether a prompt begins with
    the beginning-of-sequence token. Gemma, which never saw a text without ``<bos>``, then answers
    noise.

    Args:
        checkpoint: where the file is; one that is no GGUF file is left as it is.
        revision: of a repository.
        config: as transformers read it.
        tokenizer: likewise; changed in place.

    Raises:
        XTransplantError: a part of the architecture that is not read from the file.
    """
    path = checkpoint.file(revision)
    if checkpoint.gguf_file is None or path is None:
        return
    metadata, names = metadata_of(str(path))
    _check_attention_scale(checkpoint, config)
    _check_rotary(checkpoint, config, metadata, names)
    if tokenizer.bos_token_id is None:
        return
    says = metadata.get(ADD_BOS)
    adds = list(tokenizer("a").input_ids)[:1] == [tokenizer.bos_token_id]
    if says is not None and bool(says) != adds:
        tokenizer.add_bos_token = bool(says)


def _check_attention_scale(checkpoint: Checkpoint, config: Any) -> None:
    """Gemma's scale of attention is in no file, and transformers takes its smaller sizes' 256."""
    scale, width = (getattr(config, name, None) for name in ("query_pre_attn_scalar", "head_dim"))
    if scale != width and scale is not None:
        raise XTransplantError(
            f"{checkpoint} does not hold its attention's scale, and transformers takes {scale} for "
            f"heads of {width}, which no size of this family has; give the model's safetensors"
        )


def _check_rotary(
    checkpoint: Checkpoint, config: Any, metadata: dict[str, Any], names: tuple[str, ...]
) -> None:
    """Say where positions are stretched in the file and not in the model that is made of it."""
    stretched = metadata.get(f"{metadata['general.architecture']}.rope.scaling.type", "none")
    written = [name for name in names if name.startswith("rope_f")]
    if "rope_type': 'default" in str(getattr(config, "rope_parameters", "")) and (
        written or stretched != "none"
    ):
        what = ", ".join(written) or f"rope.scaling.type {stretched}"
        _LOGGER.warning(
            "%s: transformers does not read how the file stretches positions (%s), so the numbers "
            "are not quite the model's; its safetensors give them",
            checkpoint, what,
        )  # fmt: skip


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
