"""What a server sends, read without running any of it.

nnsight's own client unpickles answers freely, so that whoever answers can run code here. What is
asked for is tensors in lists and dicts: torch's ``weights_only`` reader makes nothing else, and a
status that comes as a pickle may name one class, :class:`Status`. Sizes are bounded before memory
is taken for them, compressed and not.
"""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from typing import Any

import torch
import zstandard
from torch import Tensor

from xtransplant.backends.ndif.server import LARGEST
from xtransplant.compat.nnsight import STATUS_PLACE, ResponseModel
from xtransplant.errors import XTransplantError

__all__ = ["Retryable", "UnreadableAnswer", "check_size", "read_result", "read_status"]

_ZIP = b"PK\x03\x04"
# What torch says of a pickle that asks for anything but tensors.
_NAMED = re.compile(r"GLOBAL (\S+)")


class Retryable(Exception):
    """A failure that may be gone the next time."""


class UnreadableAnswer(Retryable):
    """An answer that is damaged or cut off; retried once, as a second one is not by accident."""


def check_size(size: int, largest: int, what: str) -> None:
    """Hold the size of an answer to its bound.

    Raises:
        XTransplantError: it is larger.
    """
    if size > largest:
        raise XTransplantError(
            f"{what} has {size / 1e9:.2g} GB, more than the {largest / 1e9:.2g} GB that is taken; "
            "ask for less at once (fewer layers or candidates), or give Ndif(largest=BYTES) in "
            "Python if you trust the server"
        )


def read_result(content: bytes, server: str, *, compressed: bool, largest: int = LARGEST) -> Any:
    """What a job saved: tensors, numbers and text in lists and dicts.

    Args:
        content: as it came.
        server: who sent it, for messages.
        compressed: by zstandard.
        largest: bytes that it may have when it is unpacked.

    Raises:
        UnreadableAnswer: it is cut off or no such thing.
        XTransplantError: it is too large, or holds anything else.
    """
    if compressed:
        content = _decompressed(content, server, largest)
    try:
        found = _loaded(content, server, largest)
    except XTransplantError:
        raise
    except pickle.UnpicklingError as error:
        if named := _NAMED.search(str(error)):
            raise XTransplantError(
                f"the result of {server} names {named[1]}, where only tensors were asked, and was "
                "not opened: such a pickle could run code here; do not use this server"
            ) from None
        raise _unreadable(error) from None
    except Exception as error:  # a damaged archive fails in any way
        raise _unreadable(error) from None
    _check_plain(found, server)
    return found


def read_status(message: str | bytes) -> ResponseModel:
    """A status as it comes over a websocket: JSON, or a pickle that carries a result.

    Raises:
        UnreadableAnswer: it is neither.
    """
    try:
        if isinstance(message, str):
            return ResponseModel.model_validate_json(message)
        with zipfile.ZipFile(io.BytesIO(message)) as archive:
            (name,) = (one for one in archive.namelist() if one.endswith("/data.pkl"))
            if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
                raise ValueError("it is compressed")
            pickled = archive.read(name)
        return ResponseModel(**_StatusReader(io.BytesIO(pickled)).load())
    except Exception as error:
        raise UnreadableAnswer(f"a status could not be read ({type(error).__name__})") from None


class _StatusReader(pickle.Unpickler):
    """Of plain values and the one class that statuses have; anything else is an error."""

    def find_class(self, module: str, name: str) -> Any:
        # The second is how the oldest protocol writes bytes.
        if (module, name) in (STATUS_PLACE, ("_codecs", "encode")):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def _decompressed(content: bytes, server: str, largest: int) -> bytes:
    try:
        size = zstandard.frame_content_size(content)
        if size >= 0:
            check_size(size, largest, f"an unpacked result of {server}")
            return zstandard.ZstdDecompressor().decompress(content)
    except zstandard.ZstdError as error:
        raise _unreadable(error) from None
    except MemoryError:
        raise XTransplantError(
            f"a result of {server} of {size / 1e9:.2g} GB does not fit into memory here; ask for "
            "less at once"
        ) from None
    raise UnreadableAnswer("the result could not be read (it does not say how large it is)")


def _loaded(content: bytes, server: str, largest: int) -> Any:
    if not content.startswith(_ZIP):
        raise ValueError("no archive of tensors")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # Storages are written as they are; one that is packed could unpack to anything.
        size = sum(one.file_size for one in archive.infolist())
        check_size(size, largest, f"an unpacked result of {server}")
        if any(one.compress_type != zipfile.ZIP_STORED for one in archive.infolist()):
            raise ValueError("a compressed archive")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _check_plain(value: Any, server: str) -> None:
    """Whether a result is made of what can be worked with as it is."""
    if isinstance(value, Tensor):
        plain = type(value) is Tensor and value.layout == torch.strided
        if not plain or value.device.type != "cpu" or value.is_quantized:
            raise XTransplantError(
                f"the result of {server} holds a tensor of another kind ({type(value).__name__}, "
                f"{value.layout}, {value.device}) where plain ones were asked; is it NDIF?"
            )
    elif type(value) in (list, tuple):
        for one in value:
            _check_plain(one, server)
    elif type(value) is dict:
        for key, one in value.items():
            _check_plain(key, server)
            _check_plain(one, server)
    elif value is not None and type(value) not in (bool, int, float, str):
        raise XTransplantError(
            f"the result of {server} holds a {type(value).__name__} where tensors were asked; is "
            "it NDIF?"
        )


def _unreadable(error: Exception) -> UnreadableAnswer:
    return UnreadableAnswer(f"the result could not be read ({type(error).__name__})")
