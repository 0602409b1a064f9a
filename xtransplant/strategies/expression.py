"""Strategies as they are written in a line: ``attn-swap + blend(site=resid_post, weight=0.3)``.

Options stand in parentheses behind a name, and between commas. ``+`` combines strategies; what
stands inside parentheses belongs to the name before them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from xtransplant.errors import XTransplantError

__all__ = ["Named", "parse_expression", "split_names"]


class Named(NamedTuple):
    """A strategy's name or path, and the options that stand behind it, as text."""

    name: str
    options: dict[str, str]


def split_names(text: str) -> list[str]:
    """The strategies of a list, which commas divide: those of options do not.

    Raises:
        XTransplantError: parentheses that do not match.
    """
    return [part for part in (one.strip() for one in _split(text, r",")) if part]


def parse_expression(text: str, known: Collection[str]) -> list[Named]:
    """The strategies of a combination, in the order in which they are written.

    Args:
        text: such as ``attn-swap + blend(weight=0.3)``.
        known: names that are taken as they are, whatever they are made of.

    Raises:
        XTransplantError: parentheses that do not match, a ``+`` that combines nothing, or an option
            that is not ``name=value`` or is there twice.
    """
    found: list[Named] = []
    for part in _split(text, r"\s\+\s"):
        # A path may hold a plus sign: there, spaces stand around the one that combines.
        whole = part.strip() in known or ".py" in part
        found += [_parse_one(one, text) for one in ([part] if whole else _split(part, r"\+"))]
    return found


def _parse_one(part: str, text: str) -> Named:
    part = part.strip()
    start = _options_start(part)
    name = part[:start].strip()
    if not name:
        raise XTransplantError(
            f"strategy {text!r}: a name is missing; write attn-swap, blend(weight=0.3) or a "
            "combination such as 'attn-swap + ffn-swap'"
        )
    options: dict[str, str] = {}
    for one in _split(part[start + 1 : -1], r",") if start < len(part) else ():
        key, equals, value = (word.strip() for word in one.partition("="))
        if not one.strip():
            continue
        if not equals or not key or key in options:
            what = "is given twice" if key in options else "should be name=value"
            raise XTransplantError(
                f"strategy {part!r}: {one.strip()!r} {what}, as in blend(site=attn, weight=0.3)"
            )
        options[key] = value
    return Named(name, options)


def _options_start(part: str) -> int:
    """Where the parentheses open that a name ends with; behind its end if it has none."""
    depth = 0
    for position in range(len(part) - 1, -1, -1) if part.endswith(")") else ():
        depth += {")": 1, "(": -1}.get(part[position], 0)
        if depth == 0:
            return position
    return len(part)


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at what matches a pattern outside of parentheses."""
    depth, start = 0, 0
    for found in re.finditer(rf"[()]|{separator}", text):
        if found[0] in "()":
            depth += 1 if found[0] == "(" else -1
            if depth < 0:
                break
        elif depth == 0:
            yield text[start : found.start()]
            start = found.end()
    if depth:
        raise XTransplantError(
            f"the parentheses of {text!r} do not match; options stand in one pair behind a name, "
            "as in blend(site=attn, weight=0.3)"
        )
    yield text[start:]
