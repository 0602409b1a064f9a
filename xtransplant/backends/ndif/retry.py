"""Which failures are tried again, how often, and after which pauses."""

from __future__ import annotations

import random
from collections.abc import Callable

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_incrementing,
)

from xtransplant.backends.ndif.answers import Retryable, UnreadableAnswer
from xtransplant.backends.ndif.server import Server
from xtransplant.errors import XTransplantError

__all__ = ["RetryIf", "if_retryable", "polling", "retrying", "unreadable_again"]

RetryIf = Callable[[BaseException], bool]
"""Whether a failure is tried again; of one call, so that it may remember earlier failures."""


def if_retryable() -> RetryIf:
    """Retry what may succeed later; an answer that cannot be read, unless it repeats itself."""
    unreadable: set[str] = set()

    def retry(error: BaseException) -> bool:
        if isinstance(error, UnreadableAnswer):
            if str(error) in unreadable:
                return False
            unreadable.add(str(error))
        return isinstance(error, Retryable)

    return retry


def retrying(server: Server, retry: RetryIf) -> Retrying:
    """Attempts of one job or of one result: pauses double, and each is reported.

    A failure that is not retried is raised as it is.

    Raises:
        XTransplantError: the last attempt failed as the ones before.
    """

    def pause(state: RetryCallState) -> float:
        return float(server.pause * 2 ** (state.attempt_number - 1))

    def jittered(state: RetryCallState) -> float:
        # Clients that were turned away together should not come back together.
        return pause(state) * random.uniform(0.5, 1.0)

    def tell(state: RetryCallState) -> None:
        if server.say is not None:
            server.say(f"{_error_of(state)}; trying again in {pause(state):.0f} s")

    def give_up(state: RetryCallState) -> None:
        raise XTransplantError(
            f"{server.url}: {_error_of(state)} ({server.attempts} attempts); try again later, or "
            "see xtp doctor --on ndif"
        ) from None

    return Retrying(
        retry=retry_if_exception(retry),
        stop=stop_after_attempt(server.attempts),
        wait=jittered,
        sleep=server.turn.sleep,
        before_sleep=tell,
        retry_error_callback=give_up,
    )


def polling(server: Server) -> Retrying:
    """Attempts to look at a job, which goes on whether or not it can be looked at.

    Raises:
        Retryable: the last attempt's failure.
    """
    return Retrying(
        retry=retry_if_exception(if_retryable()),
        stop=stop_after_attempt(server.attempts),
        wait=wait_incrementing(start=server.pause, increment=server.pause),
        sleep=server.turn.sleep,
        reraise=True,
    )


def unreadable_again(server: Server, error: UnreadableAnswer) -> XTransplantError:
    """What an answer that cannot be read is once it repeats itself: no accident."""
    return XTransplantError(
        f"{server.url}: {error}, and a second time; is it NDIF, and of the release that nnsight "
        "here speaks to? see xtp doctor --on ndif"
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
