"""Everything of gguf and of how transformers reads such files that their documentation leaves out.

``tests/model/test_gguf.py`` holds each of it to what is relied on here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["dense", "metadata_of", "quick_reader"]

_STRING, _ARRAY = 8, 9
_LONG = 1024  # elements from which on an array is a vocabulary's


def metadata_of(path: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A file's metadata by key and its tensors' names, in a moment; of texts their number."""
    found, names = import_module("transformers.integrations.gguf").read_gguf_metadata(path)
    return dict(found), tuple(names)


def dense(module: Any) -> None:
    """Take away the marks of a quantized model, whose weights transformers has dequantized.

    They keep it from being saved and cast, and name the file in its configuration.
    """
    module.hf_quantizer = None
    module.is_quantized = False
    for owner, name in ((module, "quantization_method"), (module.config, "quantization_config")):
        if hasattr(owner, name):
            delattr(owner, name)


@contextmanager
def quick_reader() -> Iterator[None]:
    """Have transformers read a vocabulary in a second, where gguf's own reader takes half a minute.

    That one makes several views of a mapped file for each of 262,144 tokens, and transformers reads
    a file three times over. What is read is the same. Its progress bar for dequantizing is shown
    where transformers' others are.
    """
    gguf: Any = import_module("gguf")
    from transformers.utils import logging

    legacy: Any = import_module("transformers.modeling_gguf_pytorch_utils")
    own, bar = gguf.GGUFReader, legacy.tqdm
    gguf.GGUFReader, legacy.tqdm = _QuickReader.over(own), logging.tqdm
    try:
        yield
    finally:
        gguf.GGUFReader, legacy.tqdm = own, bar


class _QuickReader:
    """What differs from gguf's reader: long arrays are read by ordinary slices of bytes."""

    data: Any
    byte_order: str
    gguf_scalar_to_np: Any

    @classmethod
    def over(cls, own: type[Any]) -> type[Any]:
        """The reader of gguf with this one's way of reading arrays."""
        return type("QuickReader", (cls, own), {})

    def _get_field_parts(
        self, orig_offs: int, raw_type: int
    ) -> tuple[int, list[Any], list[int], list[Any]]:
        from gguf import GGUFValueType

        if raw_type == _ARRAY and self.byte_order == "I":
            raw: Any = np.asarray(self.data)  # a plain array: a mapped one is slow to slice
            kind, length = struct.unpack_from("<IQ", raw, orig_offs)
            if length >= _LONG and (
                kind == _STRING or GGUFValueType(kind) in self.gguf_scalar_to_np
            ):
                start = orig_offs + 12
                parts = [raw[orig_offs : orig_offs + 4].view(np.uint32)]
                parts.append(raw[orig_offs + 4 : start].view(np.uint64))
                types = [GGUFValueType.ARRAY, GGUFValueType(kind)]
                if kind == _STRING:
                    end = _read_texts(raw, start, length, parts)
                    return end - orig_offs, parts, list(range(3, len(parts), 2)), types
                dtype = np.dtype(self.gguf_scalar_to_np[types[1]])
                end = start + length * dtype.itemsize
                parts += list(raw[start:end].view(dtype).reshape(-1, 1))
                return end - orig_offs, parts, list(range(2, len(parts))), types
        found: tuple[int, list[Any], list[int], list[Any]]
        found = super()._get_field_parts(orig_offs, raw_type)  # type: ignore[misc]
        return found


def _read_texts(raw: Any, at: int, length: int, parts: list[Any]) -> int:
    """Add the length and the bytes of each text to the parts; give the place after the last."""
    for _ in range(length):
        (size,) = struct.unpack_from("<Q", raw, at)
        parts.append(raw[at : at + 8].view(np.uint64))
        parts.append(raw[at + 8 : at + 8 + size])
        at += 8 + size
    return at
