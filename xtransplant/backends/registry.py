"""Backends by name: built-ins and those of other packages, and what ``--on`` means."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend, Flags, Say
from xtransplant.errors import XTransplantError
from xtransplant.plugins import plugins

__all__ = ["backends", "open_backend", "parse_on"]

_GROUP = "xtransplant.backends"


def backends() -> dict[str, type[Backend]]:
    """Every backend by its name: this process first, dry runs last.

    Raises:
        XTransplantError: an entry point that is no backend.
    """
    # What is needed without any entry point: the default of every model.
    found: dict[str, type[Backend]] = {Local.name: Local}
    for entry in plugins(_GROUP):
        loaded: Any = entry.load()
        if not isinstance(loaded, type) or not issubclass(loaded, Backend):
            raise XTransplantError(
                f"{entry.value} is no backend: subclass xtransplant.backends.protocol.Backend"
            )
        found[entry.name] = loaded
    return dict(sorted(found.items(), key=lambda item: item[1].is_dry))


def parse_on(
    text: str, *, insecure: bool = False, jobs: int | None = None, workers: int | None = None
) -> Backend:
    """The backend that ``--on`` names: ``NAME`` or ``NAME:ADDRESS``.

    Args:
        text: as the user types it.
        insecure: as in :class:`Flags`.
        jobs: as in :class:`Flags`.
        workers: as in :class:`Flags`.

    Raises:
        XTransplantError: no such backend, an address where none may be, an address that may not
            be asked, or a flag that it does not read.
    """
    known = backends()
    name, colon, address = text.partition(":")
    kind = known.get(name)
    if kind is None or (colon and not (address and kind.address_hint)):
        raise XTransplantError(f"--on {text!r} should be {_choices(known)}")
    flags = Flags(insecure, jobs, workers)
    _check_flags(text, kind, flags, known)
    return kind.at(address, flags)


def open_backend(backend: Backend, *, say: Say | None = None) -> Backend:
    """The backend that a model is loaded with, so that its grids run there.

    Args:
        backend: as :func:`parse_on` gives it.
        say: called with a line for each status of a job, and for each new attempt.

    Raises:
        XTransplantError: a single grid cannot run there, or it cannot be used from here.
    """
    if not backend.runs_grids:
        others = [name for name, kind in backends().items() if kind.runs_grids and not kind.is_dry]
        raise XTransplantError(
            f"--on {backend} runs whole benches: xtp bench --on {backend}; a single grid runs on "
            f"{' or '.join(others)}"
        )
    backend.check()
    return backend.reporting(say)


def _choices(known: dict[str, type[Backend]]) -> str:
    """All that ``--on`` takes, in words."""
    names = []
    for name, kind in known.items():
        names += [name, f"{name}:{kind.address_hint}"] if kind.address_hint else [name]
    if len(names) == 1:  # as in a checkout that was installed before there were backends
        return f"{names[0]}; no other backend is installed: run pip install -e . again"
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _check_flags(
    text: str, kind: type[Backend], flags: Flags, known: dict[str, type[Backend]]
) -> None:
    """Refuse a flag that would do nothing.

    Raises:
        XTransplantError: the backend does not read it.
    """
    for flag, value in asdict(flags).items():
        if value in (None, False) or flag in kind.flags:
            continue
        shown = f"--{flag}" if value is True else f"--{flag} {value}"
        readers = " or ".join(name for name, other in known.items() if flag in other.flags)
        raise XTransplantError(f"{shown} does nothing with --on {text}; it is about --on {readers}")
