"""Would a strategy's own functions survive the trip to another machine? Looked at, not run.

A recorded strategy travels as numbers; functions given to ``apply`` and raw strategies travel as
code: their source, and the globals and closure that it names. What a server has not installed is
not found there, a decorator is dropped without a word, and whatever a function holds goes along
each time.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.script import Script, Variant
from xtransplant.strategies.values import Applied, Value

__all__ = ["SERVER_PACKAGES", "Concern", "check_travel", "collect_functions", "find_concerns"]

# What a server that speaks NDIF's protocol has in any case.
SERVER_PACKAGES = frozenset(
    {"accelerate", "nnsight", "numpy", "safetensors", "tokenizers", "torch", "transformers"}
)
_LARGE = 10**6  # bytes that need not travel with every job


@dataclass(frozen=True)
class Concern:
    """Something that would not survive the trip.

    Attributes:
        path, line: where it stands.
        what: what happens there, and what would be right.
        silent: whether it would change results without an error.
    """

    path: str
    line: int
    what: str
    silent: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def collect_functions(variants: Iterable[Variant]) -> list[Callable[..., Any]]:
    """Functions that edits apply, and raw strategies' own; each once, in the order they are met."""
    found: dict[int, Callable[..., Any]] = {}

    def walk(value: Value) -> None:
        for _, term in value.terms:
            if isinstance(term, Applied):
                found[id(term.function)] = term.function
                for argument in term.arguments:
                    walk(argument)

    for variant in variants:
        if isinstance(variant, Script):
            found[id(variant.function)] = variant.function
            continue
        for edit in variant:
            walk(edit.value)
    return list(found.values())


def find_concerns(
    functions: Iterable[Callable[..., Any]], packages: Iterable[str] = SERVER_PACKAGES
) -> list[Concern]:
    """What of some functions, and of the helpers they call, would not survive.

    Args:
        packages: top-level names that can be imported over there, besides Python's own.
    """
    known = {*packages, *sys.stdlib_module_names}
    found: list[Concern] = []
    seen: set[int] = set()
    waiting: list[Any] = list(functions)
    while waiting:
        function = waiting.pop(0)
        if id(function) in seen:
            continue
        seen.add(id(function))
        if hasattr(function, "__wrapped__"):
            found.append(_dropped(function))
            function = inspect.unwrap(function)
        of = _of_function if isinstance(function, FunctionType) else _of_object
        for one in of(function, known):
            if isinstance(one, Concern):
                found.append(one)
            else:
                waiting.append(one)
    return list(dict.fromkeys(found))


def check_travel(variants: Iterable[Variant]) -> None:
    """Refuse what would run elsewhere, but otherwise than here.

    Raises:
        XTransplantError: what is left behind on the way, with file and line.
    """
    for concern in find_concerns(collect_functions(variants)):
        if concern.silent:
            raise XTransplantError(f"{concern} (xtp trace --on dry looks at all of it)")


def _of_function(function: FunctionType, known: set[str]) -> Iterator[Concern | Callable[..., Any]]:
    """Concerns of one function, and the helpers that travel with it."""
    path, first = function.__code__.co_filename, function.__code__.co_firstlineno
    name = function.__name__
    if not Path(path).is_file():
        yield Concern(path, first, f"{name} has no source: functions travel by their source")
        return
    yield from _of_source(function, known)
    reached = inspect.getclosurevars(function)
    for kind, names in (("global", reached.globals), ("closure", reached.nonlocals)):
        yield from _of_names(names, kind, name, path, first, known)


def _of_node(node: ast.AST, path: str, before: int, known: set[str]) -> Concern | None:
    line = before + getattr(node, "lineno", 1)
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names = names or [alias.name for alias in getattr(node, "names", ())]
        for name in names:
            if (top := name.partition(".")[0]) not in known:
                return Concern(path, line, _missing(top))
    if isinstance(node, ast.Attribute) and node.attr == "weight":
        what = "reads .weight, and a model that runs elsewhere has none here; call the module"
        return Concern(path, line, what)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "super"
        and not node.args
    ):
        what = "super() without arguments fails over there; write super(Class, self)"
        return Concern(path, line, what)
    return None


def _of_names(
    names: Mapping[str, Any], kind: str, function: str, path: str, line: int, known: set[str]
) -> Iterator[Concern | Callable[..., Any]]:
    """Concerns of what a function holds on to."""
    for name, value in names.items():
        if isinstance(value, FunctionType):
            if _installed(value.__module__, known):
                continue
            if _ours(value.__module__):
                yield Concern(path, line, _missing("xtransplant"))
            else:
                yield value
        elif isinstance(value, ModuleType):
            if not _installed(value.__name__, known):
                yield Concern(path, line, _missing(value.__name__.partition(".")[0]))
        elif (size := _size(value)) > _LARGE:
            what = (
                f"{function} holds {kind} {name}, {size / 1e6:.1f} MB, which travels with every "
                "job; compute it over there, or hold what is needed of it"
            )
            yield Concern(path, line, what)


def _of_object(value: Any, known: set[str]) -> Iterator[Concern | Callable[..., Any]]:
    """Concerns of a callable that is no plain function: a builtin, a partial, an object."""
    kind = value if isinstance(value, type) else type(value)
    if isinstance(value, partial):
        yield value.func
    elif _ours(kind.__module__):
        yield Concern(kind.__module__, 0, _missing("xtransplant"))
    elif not _installed(kind.__module__, known) and kind.__module__ != "builtins":
        yield from _of_source(kind, known)


def _of_source(value: Any, known: set[str]) -> Iterator[Concern]:
    """Concerns that can be read off the lines of a function or class."""
    try:
        lines, first = inspect.getsourcelines(value)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return  # such as a lambda amid other code
    path = inspect.getsourcefile(value) or ""
    for node in ast.walk(tree):
        if concern := _of_node(node, path, first - 1, known):
            yield concern


def _dropped(function: Any) -> Concern:
    """A wrapper that names what it wraps: the source of that is sent in its place."""
    code = inspect.unwrap(function).__code__
    what = (
        f"what decorates {code.co_name} names what it wraps (functools.wraps) and would be left "
        "behind; call it in the function instead"
    )
    return Concern(code.co_filename, code.co_firstlineno, what, silent=True)


def _installed(module: str, known: set[str]) -> bool:
    return module.partition(".")[0] in known


def _ours(module: str) -> bool:
    return module == "xtransplant" or module.startswith("xtransplant.")


def _missing(package: str) -> str:
    return f"{package} may not be installed over there; write what is needed of it in the function"


def _size(value: Any) -> int:
    """Bytes of a tensor's whole storage, or of an array; of their sum, where it is many."""
    if hasattr(value, "untyped_storage"):
        return int(value.untyped_storage().nbytes())
    if hasattr(value, "parameters"):
        return sum(_size(one) for one in value.parameters())
    if isinstance(value, (list, tuple)):
        return sum(_size(one) for one in value)
    if isinstance(value, dict):
        return sum(_size(one) for one in value.values())
    return int(getattr(value, "nbytes", 0))
