"""Recording under a limit of time, with what goes wrong said by file and line."""

from __future__ import annotations

from collections.abc import Callable

from xtransplant.errors import InvalidStrategy, MissingSite, XTransplantError
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.faults import (
    TimeLimitExceeded,
    describe_error,
    takes_for_tensor,
    time_limit,
)

__all__ = ["record_located"]


def record_located(
    record: Callable[[], tuple[Edit, ...]],
    name: str,
    at: str,
    locate: Callable[[BaseException], str],
    seconds: float,
) -> tuple[Edit, ...]:
    """The edits that a strategy's function records.

    Args:
        record: calls it.
        name: of the strategy, for messages.
        at: the layer pair, likewise.
        locate: gives file and line of an error.
        seconds: how long it may take.

    Raises:
        MissingSite: it asks for what the layers do not have.
        InvalidStrategy: it does what it can do with no model.
        XTransplantError: it fails otherwise, ends the program or does not come to an end.
    """
    try:
        with time_limit(seconds):
            return record()
    except KeyboardInterrupt:
        raise
    except XTransplantError as error:
        # A layer that has not the site is no fault of the strategy: callers tell them apart.
        known = isinstance(error, (MissingSite, InvalidStrategy))
        kind = type(error) if known else XTransplantError
        raise kind(f"{name}, {at}{locate(error)}: {error}") from error
    except TimeLimitExceeded as error:
        raise XTransplantError(
            f"{name} is still recording after {seconds:g} s at {at}{locate(error)}: is there a "
            "loop without an end?"
        ) from error
    except BaseException as error:  # SystemExit too
        place, words = locate(error), describe_error(error)
        certain = isinstance(error, NameError) or takes_for_tensor(error)
        kind = InvalidStrategy if certain else XTransplantError
        raise kind(f"{name} fails at {at}{place}: {words}") from error
