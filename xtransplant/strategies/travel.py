"""Find what of a strategy's own functions would fail, or change, when a trace runs on a server.

A recorded strategy travels as numbers. A function given to ``apply``, and a raw strategy, travel as
nnsight serializes them: the source, and the globals and closure variables that it names. A package
that the server has not installed is not found there, a decorator made with ``functools.wraps`` is
dropped without an error, and every tensor that a function names is sent with each job. Functions
are inspected here, never called.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.script import Script, Variant
from xtransplant.strategies.values import Applied, Value

__all__ = ["SERVER_PACKAGES", "Concern", "check_travel", "collect_functions", "find_concerns"]

SERVER_PACKAGES = frozenset(
    {"accelerate", "nnsight", "numpy", "safetensors", "tokenizers", "torch", "transformers"}
)
"""Top-level packages that every server of NDIF's protocol has installed."""
_LARGE = 10**6  # bytes from which on sending a value with every job is worth a word


@dataclass(frozen=True)
class Concern:
    """Something that a server would not run as this process does.

    Attributes:
        path, line: where it stands.
        what: what happens on the server, and what to write instead.
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
    for variant in variants:
        if isinstance(variant, Script):
            found[id(variant.function)] = variant.function
            continue
        for edit in variant:
            found.update((id(function), function) for function in _applied_in(edit.value))
    return list(found.values())


def find_concerns(
    functions: Iterable[Callable[..., Any]], packages: Iterable[str] = SERVER_PACKAGES
) -> list[Concern]:
    """Concerns of some functions and of the helpers that they call.

    Args:
        functions: as :func:`collect_functions` gives them.
        packages: top-level packages that the server has, besides Python's own.
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
            found.append(_dropped_decorator(function))
            function = inspect.unwrap(function)
        inspected = _inspect_function if isinstance(function, FunctionType) else _inspect_object
        for one in inspected(function, known):
            if isinstance(one, Concern):
                found.append(one)
            else:
                waiting.append(one)
    return list(dict.fromkeys(found))


def check_travel(variants: Iterable[Variant]) -> None:
    """Refuse what a server would run without an error, but otherwise than this process.

    Raises:
        XTransplantError: what would be dropped, with file and line.
    """
    for concern in find_concerns(collect_functions(variants)):
        if concern.silent:
            raise XTransplantError(f"{concern} (xtp trace --on dry looks at all of it)")


def _applied_in(value: Value) -> Iterator[Callable[..., Any]]:
    """Every function that a value applies, innermost last."""
    for _, term in value.terms:
        if isinstance(term, Applied):
            yield term.function
            for argument in term.arguments:
                yield from _applied_in(argument)


def _inspect_function(
    function: FunctionType, known: set[str]
) -> Iterator[Concern | Callable[..., Any]]:
    """Concerns of one function, and the helpers that are sent with it."""
    path, first = function.__code__.co_filename, function.__code__.co_firstlineno
    name = function.__name__
    if not _has_source(function):
        yield Concern(path, first, f"{name} has no source: functions travel by their source")
        return
    yield from _inspect_source(function, known)
    reached = inspect.getclosurevars(function)
    for kind, names in (("global", reached.globals), ("closure", reached.nonlocals)):
        yield from _inspect_names(names, kind, name, path, first, known)


def _inspect_node(node: ast.AST, known: set[str]) -> str:
    """What a server would not run of one node of a function's syntax tree; empty if nothing."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        tops = [name.partition(".")[0] for name in names]
        return next((_missing(top) for top in tops if top not in known), "")
    if isinstance(node, ast.Attribute) and node.attr == "weight":
        return "reads .weight, and a model that runs elsewhere has none here; call the module"
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "super"
        and not node.args
    ):
        return "super() without arguments fails over there; write super(Class, self)"
    return ""


def _inspect_names(
    names: Mapping[str, Any], kind: str, function: str, path: str, line: int, known: set[str]
) -> Iterator[Concern | Callable[..., Any]]:
    """Concerns of the globals or closure variables that a function names, and its helpers."""
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


def _inspect_object(value: Any, known: set[str]) -> Iterator[Concern | Callable[..., Any]]:
    """Concerns of a callable that is no plain function: a builtin, a partial, an object."""
    kind = value if isinstance(value, type) else type(value)
    if isinstance(value, partial):
        yield value.func
    elif _ours(kind.__module__):
        yield Concern(kind.__module__, 0, _missing("xtransplant"))
    elif not _installed(kind.__module__, known) and kind.__module__ != "builtins":
        yield from _inspect_source(kind, known)


def _inspect_source(value: Any, known: set[str]) -> Iterator[Concern]:
    """Concerns that can be read off the lines of a function or class."""
    try:
        lines, first = inspect.getsourcelines(value)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return  # such as a lambda inside a longer statement
    path = inspect.getsourcefile(value) or ""
    for node in ast.walk(tree):
        if what := _inspect_node(node, known):
            yield Concern(path, first - 1 + getattr(node, "lineno", 1), what)


def _has_source(function: FunctionType) -> bool:
    """Whether its lines can be read: from a file, or as a notebook keeps its cells'."""
    try:
        return bool(inspect.getsourcelines(function))
    except (OSError, TypeError):
        return False


def _dropped_decorator(function: Any) -> Concern:
    """A wrapper made with ``functools.wraps``: nnsight sends what it wraps in its place."""
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
    """Bytes of a tensor's storage (a view is sent with all of it) or of an array, or of many."""
    if hasattr(value, "untyped_storage"):
        return int(value.untyped_storage().nbytes())
    if hasattr(value, "parameters"):
        return sum(_size(one) for one in value.parameters())
    if isinstance(value, (list, tuple)):
        return sum(_size(one) for one in value)
    if isinstance(value, dict):
        return sum(_size(one) for one in value.values())
    return int(getattr(value, "nbytes", 0))
