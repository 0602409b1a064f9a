"""Fitted strategies that have seen the example they are tried on."""

from __future__ import annotations

from collections.abc import Iterable

from xtransplant.prompts import Example
from xtransplant.strategies import Fit, Strategy
from xtransplant.text import text_digest

__all__ = ["fitted_on", "prompt_digest"]


def prompt_digest(text: str) -> str:
    """What a fit's manifest knows a prompt by."""
    return text_digest(text)[:16]


def fitted_on(strategies: Iterable[Strategy], example: Example) -> tuple[str, ...]:
    """Names of the strategies whose fit was fitted to an example.

    To the same fact in another language counts too.
    """
    parts = [part for one in strategies for part in one.parts]
    seen = [one.name for one in parts if one.fit is not None and _has_seen(one.fit, example)]
    return tuple(dict.fromkeys(seen))


def _has_seen(fit: Fit, example: Example) -> bool:
    known = fit.manifest["prompts"]
    if prompt_digest(example.target) in known:
        return True
    # A source prompt that all examples have tells none from another.
    several = fit.manifest["counts"].get(example.source_lang, 0) > 1
    return several and prompt_digest(example.source) in known
