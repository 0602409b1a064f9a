"""What a function names, directly or not: other functions, classes and values, as they are now.

Functions and classes count by their source, all else by its value; what they are called in, and
what else stands in their file, does not count.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
import marshal
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

from xtransplant.strategies.identity import module_digest

__all__ = ["SOURCE", "named_by", "source_of"]

SOURCE = "source "
"""What the text of a function or class begins with, before the digest of its source."""

_ADDRESS = " at 0x"  # in the repr of what has no value that can be told


def named_by(function: Callable[..., Any], follows: Callable[[str], bool]) -> dict[str, str]:
    """A function and what it names, and what that names in turn: by name, what tells it.

    Of a function or class that is :data:`SOURCE` and a digest of its source, of a value its text.

    Args:
        function: one that is written in Python.
        follows: of a module's name, whether its functions and classes count.
    """
    root = inspect.unwrap(function)
    waiting: list[Any] = [root]
    found: dict[str, str] = {}
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found[one.__qualname__] = SOURCE + hashlib.sha256(source_of(one)).hexdigest()
        for name, value in _names(one):
            text = _text(value, follows, waiting)
            if text is not None:
                found.setdefault(name, text)
    return found


def source_of(named: Any) -> bytes:
    """The source of a function or class; of a function without one, as the prompt's, its code."""
    try:
        return inspect.getsource(named).encode()
    except (OSError, TypeError):
        return marshal.dumps(named.__code__) if isinstance(named, FunctionType) else b""


def _names(one: Any) -> Iterator[tuple[str, Any]]:
    """What a function, or each method of a class, names outside of itself, and its defaults."""
    if isinstance(one, type):
        for member in vars(one).values():
            inner = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(inner, FunctionType) and inner.__module__ == one.__module__:
                yield from _names(inner)
        return
    inside = dict(zip(one.__code__.co_freevars, one.__closure__ or (), strict=True))
    for name, cell in inside.items():
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for name in sorted(_globals_of(one.__code__)):
        if name in one.__globals__:
            yield name, one.__globals__[name]
    for parameter in inspect.signature(one).parameters.values():
        if parameter.default is not parameter.empty:
            yield f"{one.__qualname__}({parameter.name})", parameter.default


def _globals_of(code: CodeType) -> set[str]:
    """Names that some code, or a function or comprehension inside of it, looks up in its module."""
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    found = {one.argval for one in dis.get_instructions(code) if one.opname in loads}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _globals_of(inner)
    return found


def _text(value: Any, follows: Callable[[str], bool], waiting: list[Any]) -> str | None:
    """A value as text that is the same wherever the value is; None of what does not count.

    Functions and classes that do are added to those that wait, also where a value holds them.
    """
    plain = inspect.unwrap(value) if callable(value) else value
    if isinstance(plain, (FunctionType, type)):
        if not follows(plain.__module__):
            return None
        waiting.append(plain)
        return plain.__qualname__
    if isinstance(value, ModuleType):
        return SOURCE + module_digest(value.__name__) if follows(value.__name__) else None

    found = _held(value, lambda one: str(_text(one, follows, waiting) or _name_of(one)))
    if found or callable(value):
        return found
    text = repr(value)
    return None if _ADDRESS in text else text


def _name_of(one: Any) -> str:
    return str(getattr(one, "__qualname__", None))


def _held(value: Any, inner: Callable[[Any], str]) -> str | None:
    """A value that holds others, as text; None if it is no such value."""
    if isinstance(value, partial):
        return f"partial {inner((value.func, value.args, value.keywords))}"
    if isinstance(value, (list, tuple)):
        return ("[{}]" if isinstance(value, list) else "({})").format(", ".join(map(inner, value)))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{inner(key)}: {inner(own)}" for key, own in value.items()) + "}"
    if isinstance(value, (set, frozenset)):  # whose order is another in each process
        return "{" + ", ".join(sorted(map(inner, value))) + "}"
    if isinstance(getattr(value, "shape", None), tuple) and hasattr(value, "tolist"):
        return f"{list(value.shape)} {value.tolist()}"
    return None
