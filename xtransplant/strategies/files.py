"""Strategies of a file that is named by its path: it is run as a module of its own."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from xtransplant.errors import XTransplantError
from xtransplant.strategies.definition import Strategy
from xtransplant.strategies.faults import describe_error, locate_error
from xtransplant.strategies.identity import FILE_MODULE

__all__ = ["load_file"]


def load_file(path: Path, name: str) -> Strategy:
    """A strategy of a file, which is executed.

    Args:
        path: of a Python file.
        name: of one of its strategies; empty where it has only one.

    Raises:
        XTransplantError: no such file, one that cannot be imported, or no such strategy in it.
    """
    if not path.is_file():
        raise XTransplantError(f"no strategy file {str(path)!r}; give the path of a .py file")
    module = _import_file(path)
    found = {item.name: item for item in vars(module).values() if isinstance(item, Strategy)}
    if name in found:
        return found[name]
    if len(found) == 1 and not name:
        return next(iter(found.values()))
    if not found:
        raise XTransplantError(
            f'strategy file {path} defines no strategy; decorate a function with @strategy("name")'
        )
    raise XTransplantError(
        f"strategy file {path} defines {', '.join(found)}; choose one: {path}:{next(iter(found))}"
    )


def _import_file(path: Path) -> ModuleType:
    # Two files of one name are two modules: pickle finds a function by its module's name.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(f"{FILE_MODULE}{digest}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except XTransplantError as error:
        place = locate_error(error, str(path.resolve()), str(path))
        raise XTransplantError(f"strategy file {place}: {error}") from error
    except SyntaxError as error:
        raise XTransplantError(_describe_syntax_error(path, error)) from error
    except BaseException as error:  # SystemExit too
        place = locate_error(error, spec.origin or str(path), str(path))
        words = describe_error(error) + _beside(path, error)
        raise XTransplantError(f"strategy file {place} fails to import: {words}") from error
    return module


def _beside(path: Path, error: BaseException) -> str:
    """How a module that lies beside a file is found, where that is what it misses."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    folder = path.resolve().parent
    if not name or not any(
        (folder / name.partition(".")[0]).with_suffix(end).exists() for end in ("", ".py")
    ):
        return ""
    return f"; it lies beside the file, where Python looks with PYTHONPATH={folder}"


def _describe_syntax_error(path: Path, error: SyntaxError) -> str:
    """What is wrong with a file that Python cannot parse, with the line only where there is one."""
    if error.filename not in (None, str(path), str(path.resolve())):
        # Of another module, which the file imports.
        there = f"{error.filename} line {error.lineno}"
        return f"strategy file {path} fails to import: {there}: {error.msg}"
    line = f" line {error.lineno}" if error.lineno else ""
    advice = "; save it as UTF-8 text" if "null bytes" in error.msg or "decode" in error.msg else ""
    return f"strategy file {path}{line} is no Python: {error.msg}{advice}"
