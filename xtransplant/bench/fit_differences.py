"""In what one fit's manifest differs from another's, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["CAPTURED", "differences"]

CAPTURED = (
    "site", "tokens", "pairs", "model", "chat_template", "add_bos", "tasks", "versions",
)  # fmt: skip
"""What captured activations depend on; the function that fits may change after that."""

_MOST = 4  # are named
_DIGESTS = ("digests", "config", "weights")
_OTHERS = {"digests": "the examples", "config": "the configuration", "weights": "the weights"}
_COUNTED = ("ids",)  # known by their digests


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs, with both values; empty if nothing does.

    Args:
        then: of a manifest, what is known of it.
        now: of another.
    """
    names = [name for name in ("strategy", *CAPTURED) if name in then and name in now]
    found: list[str] = []
    for name in names:
        found += _differing((name,), then[name], now[name])
    more = len(found) - _MOST
    return "; ".join(found[:_MOST]) + (f"; and {more} more" if more > 0 else "")


def _differing(path: tuple[str, ...], then: Any, now: Any) -> Iterator[str]:
    """Each value that differs; a digest only where nothing beside it does."""
    if then == now:
        return
    if not (isinstance(then, Mapping) and isinstance(now, Mapping)):
        yield _said(path, then, now)
        return
    if path == ("tasks",) and {*then} != {*now}:
        yield _said(("task",), " and ".join(then), " and ".join(now))
        return
    keys = [key for key in dict.fromkeys((*then, *now)) if key not in _COUNTED]
    told = [key for key in keys if key not in _DIGESTS]
    before = False
    for key in told:
        for line in _differing((*path, key), then.get(key), now.get(key)):
            before = True
            yield line
    for key in () if before else (one for one in keys if one in _DIGESTS):
        if then.get(key) != now.get(key):
            yield f"{' '.join(path)}: {_OTHERS[key]} are others"


def _said(path: tuple[str, ...], then: Any, now: Any) -> str:
    words = " ".join(path).replace("tasks ", "task ").removesuffix(" name")
    then, now = ("none" if one is None else one for one in (then, now))
    return f"{words} {then}, not {now}"
