"""The hash that a strategy is known by: of its file and of every local file that it imports.

Those files are found by reading import statements, wherever in a file they stand; nothing is
executed. Local is what no package manager installed: not the standard library, not site-packages,
not this package, whose versions a run records anyway. The strategy's own package counts wherever it
lies. A run is found again by this hash: the same files give the same one in every release.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

__all__ = ["FILE_MODULE", "is_local", "module_digest", "source_digest"]

FILE_MODULE = "xtransplant_file_"
"""What the modules of strategy files are called, before a digest of the path and the name."""

_INSTALLED = ("site-packages", "dist-packages")
_OURS = "xtransplant"


def source_digest(path: Path, module: str) -> str:
    """SHA-256, in hexadecimal, over a strategy's file and the local files it imports.

    Args:
        path: of the strategy's file; where there is none, the digest is that of no bytes.
        module: the name that its module has.
    """
    if not path.is_file():
        return hashlib.sha256().hexdigest()
    digest = hashlib.sha256(path.read_bytes())
    for name, file in sorted(_local_imports(path, module).items()):
        digest.update(f"\n{name} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def is_local(module: str, own: str) -> bool:
    """Whether a module is the user's own.

    Args:
        module: its name.
        own: name of the strategy's module.
    """
    if module == own:
        return True
    spec = _find_spec(module)
    return spec is not None and _is_local(spec, own.partition(".")[0])


def module_digest(module: str) -> str:
    """:func:`source_digest` of an imported module's file."""
    spec = _find_spec(module)
    return source_digest(Path(str(spec and spec.origin)), module)


def _local_imports(path: Path, module: str) -> dict[str, Path]:
    """Local modules that a file imports, directly or not, and their files."""
    own = module.partition(".")[0]
    package = getattr(sys.modules.get(module), "__package__", None) or ""
    found: dict[str, Path] = {}
    seen: set[str] = {module}
    waiting = [(path, package)]
    itself = path.resolve()
    while waiting:
        file, inside = waiting.pop()
        for name in _imported_names(file, inside):
            if name in seen:
                continue
            seen.add(name)
            spec = _find_spec(name)
            if spec is None or not _is_local(spec, own):
                continue
            origin = Path(str(spec.origin)).resolve()
            if origin == itself:
                continue
            found[name] = origin
            waiting.append((origin, name if spec.submodule_search_locations else spec.parent or ""))
    return found


def _imported_names(file: Path, package: str) -> Iterator[str]:
    """Every module that a file's import statements may name, with the packages around it."""
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # importing it is what raises the error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])]) if node.level else node.module
            # What is taken from a package may be a module of it.
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def _find_spec(name: str) -> ModuleSpec | None:
    """Where a module is, without importing it or the packages around it."""
    loaded = getattr(sys.modules.get(name), "__spec__", None)
    if loaded is not None:
        return loaded  # type: ignore[no-any-return]
    parent = name.rpartition(".")[0]
    path = None
    if parent:
        above = _find_spec(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        path = list(above.submodule_search_locations)
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = None if find is None else find(name, path, None)
        if spec is not None:
            return spec  # type: ignore[no-any-return]
    return None


def _is_local(spec: ModuleSpec, own: str) -> bool:
    """Whether a module's file is the user's own."""
    top = spec.name.partition(".")[0]
    if top == _OURS or not spec.origin or not Path(spec.origin).is_file():
        return False
    if top == own:
        return True
    path = Path(spec.origin).resolve()
    library = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    return not (set(path.parts) & set(_INSTALLED) or library & set(path.parents))
