"""When a strategy's edits act, and through what, as options that every recorded strategy has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.edits import Through
from xtransplant.strategies.typed_options import Option

__all__ = ["WHEN", "Acting", "acting_of", "acting_options"]

WHEN = Option("when", str, "prefill")
_OPTIONS = (WHEN, Option("through", Through, "both"))


@dataclass(frozen=True)
class Acting:
    """What is asked of a strategy that does not say it itself.

    Attributes:
        when: as ``target.during`` takes it.
        through: likewise.
    """

    when: str = "prefill"
    through: str = "both"

    def check_free(self) -> None:
        """Refuse a strategy that says it itself, where something is asked for.

        Raises:
            XTransplantError: the option would be passed over in silence.
        """
        if self != Acting():
            given = [
                f"{option.name}={value}"
                for option in _OPTIONS
                if (value := getattr(self, option.name)) != option.default
            ]
            raise XTransplantError(
                f"option {', '.join(given)} is for strategies that do not say when their edits "
                "act, and this one does, with target.during(...): leave the option out, or give "
                "the strategy one of its own"
            )


def acting_options(own: Iterable[Option]) -> tuple[Option, ...]:
    """``when`` and ``through``, but for what a strategy has an option of its own for."""
    names = {option.name for option in own}
    return tuple(one for one in _OPTIONS if one.name not in names)


def acting_of(options: Iterable[Option], values: dict[str, Any]) -> tuple[Acting, dict[str, Any]]:
    """What some of a strategy's values ask for, and the others, which its function takes.

    Args:
        options: all of the strategy's.
        values: those that are bound, by name.
    """
    names = {option.name for option in options if option in _OPTIONS} & set(values)
    asked = Acting(**{name: values[name] for name in names})
    return asked, {name: value for name, value in values.items() if name not in names}
