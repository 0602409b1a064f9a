"""Ids of jobs whose results are not stored yet, found again by a digest of what they ask."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch

from xtransplant.errors import cannot_write
from xtransplant.strategies.travel import SERVER_PACKAGES

__all__ = ["Jobs", "job_digest"]

# Top-level names of what a server has as it is here.
_THERE = SERVER_PACKAGES | sys.stdlib_module_names
_LINE = re.compile(r"([0-9a-f]{64}) ([0-9A-Za-z-]{1,64})")


@dataclass(frozen=True)
class Jobs:
    """The ids of jobs, in a file of lines ``DIGEST ID``; the last line of a digest holds.

    Attributes:
        path: the file; it need not be there.
    """

    path: Path
    _known: dict[str, str] = field(default_factory=dict, repr=False)
    _asking: dict[str, threading.Lock] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: Path) -> Jobs:
        """What a file has; a line that was cut off is no job."""
        text = ""
        with suppress(FileNotFoundError):
            text = path.read_text(encoding="ascii", errors="replace")
        found = (_LINE.fullmatch(line) for line in text.splitlines())
        return cls(path, {one[1]: one[2] for one in found if one})

    def lock_for(self, digest: str) -> threading.Lock:
        """A lock for the threads of this process that ask the same."""
        return self._asking.setdefault(digest, threading.Lock())

    def find(self, digest: str) -> str | None:
        """The id of a job that asks this, if one was handed in."""
        return self._known.get(digest)

    def keep(self, digest: str, job: str) -> None:
        """Write an id down before its answer is waited for.

        Raises:
            XTransplantError: the disk is full or the folder cannot be written to.
        """
        line = f"{digest} {job}"
        if _LINE.fullmatch(line) is None:
            return  # an id that could not be read back, or asked for
        self._known[digest] = job
        try:
            # One short line at once: other processes may write to the same file.
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, f"{line}\n".encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise cannot_write(self.path, error) from error


def job_digest(*asked: Any) -> str | None:
    """SHA-256 of all that a job asks, equal in every process; None if something has no value.

    Tensors count by type, shape and numbers; functions by their code, defaults and closure, and by
    what they name of their file, unless the server has it installed.
    """
    found = hashlib.sha256()
    try:
        for piece in _pieces(asked, frozenset()):
            found.update(len(piece).to_bytes(8, "big"))
            found.update(piece)
    except (TypeError, ValueError):
        return None
    return found.hexdigest()


def _pieces(value: Any, within: frozenset[int]) -> Iterator[bytes]:
    """Bytes that differ between values that ask for different things.

    Args:
        value: what a job asks, or a part of it.
        within: ids of the functions that it is a part of, so that recursion ends.
    """
    yield type(value).__name__.encode()
    if isinstance(value, torch.Tensor):
        yield repr((tuple(value.shape), value.dtype)).encode()
        # A copy: a view of one number may have any stride, which cannot be read as bytes.
        flat = torch.empty(value.numel(), dtype=value.dtype).copy_(value.detach().flatten())
        yield flat.view(torch.uint8).numpy().tobytes()
    elif isinstance(value, (tuple, list, Mapping)):
        yield str(len(value)).encode()
        for part in sorted(value.items()) if isinstance(value, Mapping) else value:
            yield from _pieces(part, within)
    elif isinstance(value, (FunctionType, CodeType)):
        yield from _pieces_of_code(value, within)
    else:
        yield _atom(value)


def _pieces_of_code(value: FunctionType | CodeType, within: frozenset[int]) -> Iterator[bytes]:
    """The same of a function, by what it does and names; of code, without its line numbers."""
    if isinstance(value, CodeType):
        # The same function further down in a file is the same.
        code = (value.co_code, value.co_names, value.co_consts, value.co_varnames)
        yield from _pieces(code, within)
        return
    yield f"{value.__module__}.{value.__qualname__}".encode()
    if id(value) not in within:
        yield from _pieces(_parts(value), within | {id(value)})


def _atom(value: Any) -> bytes:
    """The same of what has no parts.

    Raises:
        TypeError: nothing tells it from others of its type in another process.
    """
    if isinstance(value, ModuleType):
        return value.__name__.encode()
    if value is None or isinstance(value, (bool, int, float, str, bytes, torch.dtype)):
        return repr(value).encode()
    if hasattr(value, "__module__") and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}".encode()  # torch.tanh and the like
    raise TypeError(f"{type(value).__name__} has no value to go by")


def _parts(function: FunctionType) -> tuple[Any, ...]:
    """What a function's values depend on: two files may hold one code and other numbers."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    named: dict[str, Any] = {}
    if (function.__module__ or "").partition(".")[0] not in _THERE:
        names = {name for code in _codes(function.__code__) for name in code.co_names}
        named = {name: function.__globals__[name] for name in names & function.__globals__.keys()}
    return function.__code__, function.__defaults__, function.__kwdefaults__, cells, named


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code and that of what is defined in it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)
