"""A session as a job on a server that speaks NDIF's protocol, through nnsight's own client.

What passes by is tried again: a refused connection, a dropped websocket, 429 and 5xx, a job that
does not end, a result that is cut off or gone. What does not is said at once, in the server's own
words: 401, 404, an error in the block. A result is a pickle (``torch.load`` of what the server
sends): only servers that are trusted to run code here may be asked.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from pickle import PicklingError
from typing import Any

from nnsight.intervention.backends.remote import RemoteBackend
from nnsight.modeling import huggingface
from nnsight.ndif import register
from nnsight.schema.config import CONFIG
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status

from xtransplant.backends.jobs import Jobs, Turn, digest_of
from xtransplant.backends.wire import (
    Passing,
    failed,
    fetch,
    look,
    receive,
    send,
    subscribe,
)
from xtransplant.errors import XTransplantError, one_line
from xtransplant.strategies.registry import FILE_MODULE

__all__ = ["Ndif", "name_locally", "packed"]

_ENDED = (Status.COMPLETED, Status.ERROR)
# Seconds between looks at a job: the first, the longest, and the share of the time it takes.
_LOOK, _LONGEST_LOOK, _LOOK_SHARE = 0.02, 2.0, 0.1
_UNKNOWN = 30.0  # seconds after which a job that a server has no word of is lost


@dataclass(frozen=True)
class Ndif:
    """A server, and how patiently it is asked.

    Attributes:
        host: its URL; nnsight's configured one by default.
        attempts: how often a job is sent before what passes by is taken to stay.
        timeout: seconds that a job may say nothing new.
        pause: seconds before the second attempt; doubled before each one after it.
        at_once: how many jobs of a bench may be under way together.
        say: told each status and each new attempt, in a line.
        jobs: where ids of jobs are kept; without it a job is waited for on a websocket.
        turn: of the threads that ask.
    """

    host: str = ""
    attempts: int = 5
    timeout: float = 600.0
    pause: float = 1.0
    at_once: int = 4
    say: Callable[[str], None] | None = None
    jobs: Jobs | None = None
    turn: Turn = field(default_factory=Turn, repr=False)

    @property
    def url(self) -> str:
        """The server's URL."""
        return (self.host or str(CONFIG.API.HOST)).rstrip("/")

    def remembering(self, path: Path) -> Ndif:
        """This server, with jobs whose ids are kept in a file, to be collected by whoever asks."""
        return replace(self, jobs=Jobs.open(path), turn=Turn())

    def backend(self, nn: Any, name: str, asked: tuple[Any, ...]) -> RemoteBackend:
        """A backend for one session of a model.

        Args:
            asked: all that the session depends on besides the model.
        """
        name_locally(name)
        key = nn.to_model_key()
        return _Job(self, key, None if self.jobs is None else digest_of(key, asked))


def name_locally(name: str) -> None:
    """Keep nnsight from asking the hub how a folder's name is spelt.

    A folder is no repository, and only a server on this machine will find it.
    """
    if Path(name).is_dir():
        huggingface._ID_CACHE.setdefault(name, name)


def packed(client: RemoteBackend, tracer: Any) -> bytes:
    """A session as it travels.

    Raises:
        XTransplantError: it holds something that cannot be written down.
    """
    for name in [name for name in sys.modules if name.startswith(FILE_MODULE)]:
        # A strategy file's own functions are installed nowhere: they travel by value.
        register(sys.modules[name])
    try:
        return client._serialize(tracer)  # type: ignore[no-any-return]
    except (AttributeError, TypeError, ValueError, PicklingError) as error:
        raise XTransplantError(
            f"what a function of the strategy holds cannot be sent: {one_line(error)}; make it in "
            "the function, or hold numbers and tensors alone"
        ) from error


class _Job(RemoteBackend):  # type: ignore[misc]
    """One session: sent, waited for, and sent again where that may help."""

    def __init__(self, server: Ndif, model_key: str, digest: str | None) -> None:
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
        if not isinstance(result, dict):
            raise XTransplantError(f"{self._server.url} answered with no values; is it NDIF?")
        self._push(result, tracer)
        return result

    def _tried(self, blob: bytes) -> Any:
        """The result of a job that is sent as often as it may be."""
        pause = self._server.pause
        for attempt in range(1, self._server.attempts + 1):
            try:
                return self._ask(blob)
            except Passing as error:
                if attempt == self._server.attempts:
                    raise XTransplantError(
                        f"{self._server.url}: {error} ({attempt} attempts); try again later, or "
                        "see xtp doctor --on ndif"
                    ) from None
                self._tell(f"{error}; trying again in {pause:.0f} s")
                # Many clients that were turned away together should not come back together.
                self._server.turn.sleep(pause * random.uniform(0.5, 1.0))
                pause *= 2
        raise AssertionError("no attempt was made")

    def _ask(self, blob: bytes) -> Any:
        """Send the job, wait for its end, and fetch what it saved."""
        request = RequestModel(model_key=self.model_key, compress=self.compress, env=self.env)
        if self._server.jobs is None:
            return self._result(self._watched(request, blob))
        response = send(self, request, blob)
        if self._digest is not None:
            self._server.jobs.keep(self._digest, response.id)
        ended = self._looked_at(response.id)
        assert ended is not None
        return self._result(ended)

    def _watched(self, request: RequestModel, blob: bytes) -> ResponseModel:
        """The last status of a job that tells all of them on a websocket."""
        timeout = self._server.timeout
        connection, request.session_id = subscribe(self, timeout)
        try:
            response = send(self, request, blob)
            while response.status not in _ENDED:
                self._tell_status(response)
                response = receive(self, connection, timeout)
        finally:
            connection.close()
        return response

    def _looked_at(self, job: str, *, of_before: bool = False) -> ResponseModel | None:
        """The last status of a job that is asked for it from time to time.

        A job that was just handed in may not be known at once; one of before is lost then: None.
        """
        started = changed = time.monotonic()
        before, failures = None, 0
        while True:
            try:
                response = look(self, job)
            except Passing:
                # The job goes on whether or not it can be looked at.
                failures += 1
                if failures == self._server.attempts:
                    raise
                self._server.turn.sleep(self._server.pause * failures)
                continue
            failures = 0
            if response is None and of_before:
                return None
            now = time.monotonic()
            if response is not None:
                if response.status in _ENDED:
                    return response
                if before is None or response.description != before.description:
                    self._tell_status(response)
                    before, changed = response, now
            elif before is not None or now - started > min(_UNKNOWN, self._server.timeout):
                raise Passing("the server has no word of the job")
            if now - changed > self._server.timeout:
                raise Passing(f"the job said nothing for {self._server.timeout:.0f} s")
            pause = max(_LOOK, _LOOK_SHARE * (now - started))
            self._server.turn.sleep(min(pause, _LONGEST_LOOK))

    def _collected(self) -> Any:
        """The result of the same job, where one was handed in before; None where it is lost."""
        jobs = self._server.jobs
        job = None if jobs is None or self._digest is None else jobs.find(self._digest)
        if job is None:
            return None
        try:
            response = self._looked_at(job, of_before=True)
            if response is None:
                raise Passing("the server does not know it")
            if (error := failed(self, response)) is not None:
                raise Passing(str(error))
            found = fetch(self, response)
        except Passing as error:
            self._tell(f"job {job[:8]} of before is lost ({error}); it is sent again")
            return None
        self._tell(f"job {job[:8]} of before collected")
        return found

    def _result(self, response: ResponseModel) -> Any:
        error = failed(self, response)
        if error is not None:
            raise error
        return fetch(self, response)

    def _tell_status(self, response: ResponseModel) -> None:
        self._tell(f"job {response.id[:8]} {response.status.value.lower()}")

    def _tell(self, line: str) -> None:
        if self._server.say is not None:
            self._server.say(line)
