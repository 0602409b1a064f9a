"""A table given by hand: a family's name, a line of JSON, or a file of it.

``{"like": "llama", "layers": "model.language_model.layers"}`` is Llama's table but for where its
blocks are. Without ``like`` all fields of :class:`xtransplant.model.families.Family` are needed
that have no default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.model.families import Family, Place
from xtransplant.model.family_table import FAMILIES
from xtransplant.text import parse_json, read_text

__all__ = ["family_by_hand"]

_PLACES = tuple(field.name for field in fields(Family) if "Place" in str(field.type))


def family_by_hand(given: str | Path) -> Family:
    """The table that ``--family`` names or holds.

    Args:
        given: name of a known family, JSON text, or path of a JSON file.

    Raises:
        XTransplantError: no such family or file, or JSON that is no table.
    """
    text = str(given)
    if text in FAMILIES:
        return FAMILIES[text]
    if text.lstrip().startswith("{"):
        return _read(text, "--family", text)
    path = Path(given)
    if not path.is_file():
        raise XTransplantError(
            f"--family {text} is neither a family, nor a line of JSON, nor a file{_near(text)} "
            "(xtp list families)"
        )
    return _read(None, f"--family {path}", path)


def _read(text: str | None, where: str, given: str | Path) -> Family:
    """The table of JSON text, or of a file where that is None."""
    try:
        found = parse_json(read_text(Path(given)) if text is None else text)
        if not isinstance(found, dict):
            raise TypeError(f"it holds a {type(found).__name__}")
        return _family(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise XTransplantError(
            f"{where} is not a table: {what}; say what it is like and what differs, as "
            '--family \'{"like": "llama", "layers": "model.layers"}\' (docs/families.md)'
        ) from error


def _family(given: Mapping[str, Any]) -> Family:
    """A table of its fields, those left out taken from the family it is like.

    Raises:
        KeyError: a field without which there is no table.
        ValueError: a field that is none, or a value that it cannot have.
    """
    known = {field.name: field.default for field in fields(Family)}
    if unknown := sorted(set(given) - set(known) - {"like"}):
        near = get_close_matches(unknown[0], [*known, "like"], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
        raise ValueError(f"no field is called {unknown[0]!r}{hint}")
    said: dict[str, Any] = {
        name: _place(name, value) if name in _PLACES else value
        for name, value in given.items()
        if name != "like"
    }
    if not isinstance(said.get("layers", ""), str):
        raise ValueError(f"layers is a path such as 'model.layers', not {said['layers']!r}")
    if "like" in given:
        like = given["like"]
        if like not in FAMILIES:
            raise ValueError(f"like {like!r} is no family{_near(str(like))} (xtp list families)")
        return replace(FAMILIES[like], **said)
    for name in ("attn", "ffn", "head", "layers"):
        if name not in said:
            raise KeyError(name)
    return Family(**said)


def _place(name: str, value: Any) -> Place | None:
    """A place; a text is a module's path: its input holds heads or neurons, its output the rest."""
    if value is None:
        return None
    if isinstance(value, str):
        return Place(value, "input" if name in ("head", "neurons") else "output")
    if not isinstance(value, dict):
        raise ValueError(f"{name} is a module's path, not {value!r}")
    return Place(**value)


def _near(name: str) -> str:
    near = get_close_matches(name, FAMILIES, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
