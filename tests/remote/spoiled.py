"""What a broken or hostile server could answer with in the place of a result."""

import datetime
import io
import os
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import torch
import zstandard
from nnsight.schema.response import ResponseModel, Status

HALF = ("truncated", "torn")


class Evil:
    """Unpickled, it makes a folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def values(kind: str, found: dict[str, Any], path: Any) -> Any:
    """What a job saved, spoiled before it is written down."""
    passes = found["found"]
    results: dict[str, Callable[[], Any]] = {
        "shapes": lambda: {"found": [dict.fromkeys(one, torch.zeros(1)) for one in passes]},
        "names": lambda: {"found": [{"something": torch.zeros(1)}] * len(passes)},
        "count": lambda: {"found": passes * 2},
        "no dict": lambda: [torch.zeros(1)],
        "other name": lambda: {"lost": torch.zeros(1)},
    }
    if kind in results:
        return results[kind]()
    edges: dict[str, Callable[[torch.Tensor], Any]] = {
        "nan": lambda value: value.fill_(float("nan")),
        "inf": lambda value: value.fill_(float("inf")),
        "words": lambda value: "none",
        "integers": lambda value: value.long(),
        "sparse": lambda value: value.to_sparse(),
        "object": lambda value: datetime.date(2000, 1, 1),
        "evil": lambda value: Evil(path),
    }
    if kind in edges:
        passes[0]["edges"] = edges[kind](passes[0]["edges"])
    elif kind == "ids":
        passes[0]["ids"].fill_(10**9)
    elif kind == "writes":
        passes[-1]["writes"] = torch.zeros(1)
    return found


def written(kind: str, found: Any, compress: bool) -> bytes:
    """The bytes of a result, spoiled as they are written."""
    with io.BytesIO() as file:
        torch.save(found, file)
        data = file.getvalue()
    if kind == "packed archive":
        data = repacked(data)
    if compress:
        data = zstandard.ZstdCompressor(level=6).compress(data)
    if kind == "not zstd":
        return b"no such thing" * 9
    if kind == "no archive":
        return zstandard.ZstdCompressor().compress(b"no such thing")
    if kind == "bomb":
        # A frame that says that it unpacks to a terabyte.
        return b"\x28\xb5\x2f\xfd" + b"\xe0" + struct.pack("<Q", 2**40) + data[9:]
    return data[: len(data) // 2] if kind == "torn" else data


def repacked(data: bytes) -> bytes:
    """The archive with its records compressed: how a small one unpacks to a large one."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def frame(path: str) -> bytes:
    """A status as a pickle that does something when it is read."""
    response = ResponseModel(id="a", status=Status.COMPLETED, data=b"")
    response.description = Evil(path)
    data: bytes = response.pickle()
    return data
