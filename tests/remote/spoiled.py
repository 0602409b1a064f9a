"""What a broken or hostile server could answer with in the place of a result."""

import datetime
import io
import os
import struct
import zipfile

import torch
import zstandard
from nnsight.schema.response import ResponseModel, Status

HALF = ("truncated", "torn")


class Evil:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def values(kind, found, path):
    """What a job saved, spoiled before it is written down."""
    first = found["found"][0]
    if kind == "shapes":
        found = {"found": [dict.fromkeys(one, torch.zeros(1)) for one in found["found"]]}
    elif kind == "names":
        found = {"found": [{"something": torch.zeros(1)}] * len(found["found"])}
    elif kind == "count":
        found = {"found": found["found"] * 2}
    elif kind == "no dict":
        found = [torch.zeros(1)]
    elif kind == "other name":
        found = {"lost": torch.zeros(1)}
    elif kind in ("nan", "inf"):
        first["edges"].fill_(float(kind))
    elif kind == "ids":
        first["ids"].fill_(10**9)
    elif kind == "writes":
        found["found"][-1]["writes"] = torch.zeros(1)
    elif kind == "words":
        first["edges"] = "none"
    elif kind == "integers":
        first["edges"] = first["edges"].long()
    elif kind == "sparse":
        first["edges"] = first["edges"].to_sparse()
    elif kind == "object":
        first["edges"] = datetime.date(2000, 1, 1)
    elif kind == "evil":
        first["edges"] = Evil(path)
    return found


def written(kind, found, compress):
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


def repacked(data):
    """The archive with its records compressed: how a small one unpacks to a large one."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def frame(path):
    """A status as a pickle that does something when it is read."""
    response = ResponseModel(id="a", status=Status.COMPLETED, data=b"")
    response.description = Evil(path)
    return response.pickle()
