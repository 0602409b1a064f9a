"""What a strategy's function has to look like: plain or a generator, and its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["check_kind", "option_parameters"]


def check_kind(function: Any, name: str, raw: bool) -> None:
    """Refuse what is no plain function, and a ``yield`` where none belongs or none is."""
    if not inspect.isfunction(function):
        raise XTransplantError(f"strategy {name} should be a function, not {function!r:.60}")
    plain = inspect.unwrap(function)
    if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
        raise XTransplantError(f"strategy {name} is async; write it as def, without await")
    if raw != inspect.isgeneratorfunction(plain):
        raise XTransplantError(
            f"raw strategy {name} has no yield; write one between what it does in the trace "
            "of the source and in that of the target"
            if raw
            else f"strategy {name} has a yield; leave it out, or say that it is raw: "
            f'@strategy("{name}", raw=True)'
        )


def option_parameters(
    function: Callable[..., Any], name: str, raw: bool, *, fitted: bool
) -> list[inspect.Parameter]:
    """A function's parameters after those that the engine fills in."""
    filled = ("model", "i", "j") if raw else ("source", "target", "i", "j")
    filled = (*filled, "fit") if fitted else filled
    signature = inspect.signature(function)
    _check_fit(signature, name, raw, fitted=fitted)
    _check_order(signature, name, filled)
    own = list(signature.parameters.values())[len(filled) :]
    bare = [one for one in own if _is_bare(one)]
    if bare:
        raise XTransplantError(
            f"option {bare[0].name!r} of strategy {name} needs a type and a default, as in: "
            f"{bare[0].name}: float = 0.5"
        )
    try:
        signature.bind(*filled)
    except TypeError as error:
        raise XTransplantError(
            f"strategy {name} takes {signature}, but is called with ({', '.join(filled)}): {error}"
        ) from None
    return own


def _is_bare(parameter: inspect.Parameter) -> bool:
    """Whether it is an option without a default, and not one more that the engine fills in."""
    variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    own = parameter.name not in ("model", "source", "target", "i", "j", "fit")
    return own and not variadic and parameter.default is parameter.empty


def _check_order(signature: inspect.Signature, name: str, filled: tuple[str, ...]) -> None:
    """Refuse the names of what the engine fills in where they stand in another order."""
    given = tuple(signature.parameters)[: len(filled)]
    if given != filled and set(given) == set(filled):
        raise XTransplantError(
            f"strategy {name} takes ({', '.join(given)}), and is called with "
            f"({', '.join(filled)}): write them in this order"
        )


def _check_fit(signature: inspect.Signature, name: str, raw: bool, *, fitted: bool) -> None:
    """Refuse a fit that the function does not take, and one that it takes of nothing."""
    own = signature.parameters.get("fit")
    if fitted and own is None:
        raise XTransplantError(
            f"strategy {name} is declared with fit=, and its function takes no fit: write it "
            f"after j, def {name.replace('-', '_')}(source, target, i, j, fit), not {signature}"
        )
    if not fitted and not raw and own is not None and own.default is inspect.Parameter.empty:
        raise XTransplantError(
            f"strategy {name} takes a fit and does not say what is fitted: name the function that "
            f'has @fitted above it, @strategy("{name}", fit=FUNCTION)'
        )
