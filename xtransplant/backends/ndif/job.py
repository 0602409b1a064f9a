"""A session as a job on a server: sent, waited for, and sent again where that may help.

What passes by is tried again: a refused connection, a dropped websocket, 429 and 5xx, a job that
does not end, a result that is gone. A result that could not be fetched is fetched again, not
computed again. What cannot be read is asked for once more, and said when it repeats. What does not
pass is said at once, in the server's own words: 401, 404, an error in the block.
"""

from __future__ import annotations

import random
import sys
import time
from contextlib import nullcontext
from pickle import PicklingError
from typing import Any

from xtransplant.backends.ndif.answers import Retryable, Unreadable
from xtransplant.backends.ndif.client import (
    Gone,
    failed,
    fetch,
    look,
    receive,
    send,
    subscribe,
    unnamed,
)
from xtransplant.backends.ndif.server import Server
from xtransplant.compat.nnsight import (
    RemoteBackend,
    RequestModel,
    ResponseModel,
    Status,
    hand_back,
    serialize,
    travels_by_value,
)
from xtransplant.errors import XTransplantError, one_line
from xtransplant.strategies.files import FILE_MODULE

__all__ = ["SAVED", "Job", "packed"]

SAVED = "found"
"""The variable that every session saves."""

_ENDED = (Status.COMPLETED, Status.ERROR)
# Seconds between looks at a job: the first, the longest, and the share of the time it takes.
_LOOK, _LONGEST_LOOK, _LOOK_SHARE = 0.02, 2.0, 0.1
_UNKNOWN = 30.0  # seconds after which a job that a server has no word of is lost


def packed(client: RemoteBackend, tracer: Any) -> bytes:
    """A session as it travels.

    Raises:
        XTransplantError: it holds something that cannot be written down.
    """
    for name in [name for name in sys.modules if name.startswith(FILE_MODULE)]:
        # A strategy file's own functions are installed nowhere: they travel by value.
        travels_by_value(sys.modules[name])
    try:
        return serialize(client, tracer)
    except (AttributeError, TypeError, ValueError, PicklingError) as error:
        raise XTransplantError(
            f"what a function of the strategy holds cannot be sent: {one_line(error)}; make it in "
            "the function, or hold numbers and tensors alone"
        ) from error


class Job(RemoteBackend):  # type: ignore[misc]
    """One session on a server, as nnsight takes a backend."""

    def __init__(self, server: Server, model_key: str, digest: str | None) -> None:
        super().__init__(model_key, host=server.url)
        self._server, self._digest = server, digest
        self.display.enabled = False

    def __call__(self, tracer: Any = None) -> Any:
        turn, jobs = self._server.turn, self._server.jobs
        alone = nullcontext() if jobs is None or self._digest is None else jobs.alone(self._digest)
        # Who asks the same at the same time finds this one's answer.
        with turn.waiting(), alone:
            result = self._collected()
            if result is None:
                with turn:
                    blob = packed(self, tracer)
                result = self._tried(blob)
        if not isinstance(result, dict) or SAVED not in result:
            raise XTransplantError(f"{self._server.url} answered with no values; is it NDIF?")
        # Nothing else: a server has no say in the other variables of who asks it.
        result = {SAVED: result[SAVED]}
        hand_back(self, result, tracer)
        return result

    def _tried(self, blob: bytes) -> Any:
        """The result of a job that is sent as often as it may be."""
        unread = ""
        for attempt in range(1, self._server.attempts + 1):
            try:
                return self._ask(blob)
            except Retryable as error:
                if isinstance(error, Unreadable):
                    if unread == str(error):
                        raise self._stays(error) from None
                    unread = str(error)
                self._again(error, attempt)
        raise AssertionError("no attempt was made")

    def _ask(self, blob: bytes) -> Any:
        """Send the job, wait for its end, and fetch what it saved."""
        request = RequestModel(model_key=self.model_key, compress=self.compress, env=self.env)
        if self._server.jobs is None:
            ended = self._watched(request, blob)
        else:
            response = send(self, request, blob)
            if self._digest is not None:
                self._server.jobs.keep(self._digest, response.id)
            found = self._looked_at(response.id)
            assert found is not None
            ended = found
        if (failure := failed(self, ended)) is not None:
            raise failure
        try:
            return self._fetched(ended)
        except Unreadable as error:
            if not isinstance(ended.data, str):
                raise  # it came with the status: to have it again is to send the job again
            raise self._stays(error) from None

    def _fetched(self, ended: ResponseModel) -> Any:
        """What a job saved, fetched as often as may help; one that is damaged, twice.

        Raises:
            Gone: it is no longer there.
            Unreadable: it is damaged.
            XTransplantError: it cannot be fetched.
        """
        unread = False
        for attempt in range(1, self._server.attempts + 1):
            try:
                return fetch(
                    self, ended, insecure=self._server.insecure, largest=self._server.largest
                )
            except Gone:
                raise
            except Retryable as error:
                if isinstance(error, Unreadable):
                    if unread or not isinstance(ended.data, str):
                        raise
                    unread = True
                self._again(error, attempt)
        raise AssertionError("no attempt was made")

    def _watched(self, request: RequestModel, blob: bytes) -> ResponseModel:
        """The last status of a job that tells all of them on a websocket."""
        timeout = self._server.timeout
        connection, request.session_id = subscribe(self, timeout, self._server.largest)
        try:
            response = send(self, request, blob)
            before, changed = _shown(response), time.monotonic()
            while response.status not in _ENDED:
                self._tell_status(response)
                left = timeout - (time.monotonic() - changed)
                if left <= 0:
                    raise Retryable(f"the job said nothing for {timeout:g} s")
                response = receive(connection, left, timeout)
                # What a block prints on its way says nothing of how far it is.
                if response.status != Status.LOG and _shown(response) != before:
                    before, changed = _shown(response), time.monotonic()
        finally:
            connection.close()
        return response

    def _looked_at(self, job: str, *, of_before: bool = False) -> ResponseModel | None:
        """The last status of a job that is asked for it from time to time.

        A job that was just handed in may not be known at once; one of before is lost then: None.
        """
        started = changed = time.monotonic()
        before, failures, unread = None, 0, ""
        while True:
            try:
                response = look(self, job)
            except Retryable as error:
                if isinstance(error, Unreadable):
                    if unread == str(error):
                        raise self._stays(error) from None
                    unread = str(error)
                # The job goes on whether or not it can be looked at.
                failures += 1
                if failures == self._server.attempts:
                    raise
                self._server.turn.sleep(self._server.pause * failures)
                continue
            failures, unread = 0, ""
            if response is None and of_before:
                return None
            now = time.monotonic()
            if response is not None:
                if response.status in _ENDED:
                    return response
                if before is None or _shown(response) != _shown(before):
                    self._tell_status(response)
                    before, changed = response, now
            elif before is not None or now - started > min(_UNKNOWN, self._server.timeout):
                raise Retryable("the server has no word of the job")
            if now - changed > self._server.timeout:
                raise Retryable(f"the job said nothing for {self._server.timeout:g} s")
            pause = max(_LOOK, _LOOK_SHARE * (now - started))
            self._server.turn.sleep(min(pause, _LONGEST_LOOK))

    def _collected(self) -> Any:
        """The result of the same job, where one was handed in before; None where it is lost."""
        jobs = self._server.jobs
        job = None if jobs is None or self._digest is None else jobs.find(self._digest)
        if job is None:
            return None
        try:
            ended = self._looked_at(job, of_before=True)
            if ended is None:
                raise Retryable("the server does not know it")
            if (failure := failed(self, ended)) is not None:
                raise Retryable(str(failure))
            found = self._fetched(ended)
        except Retryable as error:
            self._tell(f"job {job[:8]} of before is lost ({error}); it is sent again")
            return None
        self._tell(f"job {job[:8]} of before collected")
        return found

    def _again(self, error: Retryable, attempt: int) -> None:
        """Pause after an attempt that failed.

        Raises:
            XTransplantError: it was the last.
        """
        if attempt == self._server.attempts:
            raise XTransplantError(
                f"{self._server.url}: {error} ({attempt} attempts); try again later, or see "
                "xtp doctor --on ndif"
            ) from None
        pause = self._server.pause * 2 ** (attempt - 1)
        self._tell(f"{error}; trying again in {pause:.0f} s")
        # Many clients that were turned away together should not come back together.
        self._server.turn.sleep(pause * random.uniform(0.5, 1.0))

    def _stays(self, error: Unreadable) -> XTransplantError:
        """What repeats itself is no accident."""
        return XTransplantError(
            f"{self._server.url}: {error}, and a second time; is it NDIF, and of the release that "
            "nnsight here speaks to? see xtp doctor --on ndif"
        )

    def _tell_status(self, response: ResponseModel) -> None:
        self._tell(f"job {unnamed(self.api_key, response.id[:8])} {response.status.value.lower()}")

    def _tell(self, line: str) -> None:
        if self._server.say is not None:
            self._server.say(line)


def _shown(response: ResponseModel) -> tuple[Status, str]:
    """What of a status is news when it changes."""
    return response.status, response.description
