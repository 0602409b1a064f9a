"""A session as a job on a server: sent, waited for, and sent again where that may help.

Retried are a refused connection, a dropped websocket, 429 and 5xx, a job that does not end, and a
result that is gone. A result that could not be fetched is fetched again, not computed again. What
cannot be read is asked for once more, and is an error when it repeats itself. Anything else (401,
404, an error in the block) is an error at once, in the server's own words.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from xtransplant.backends.ndif.answers import Retryable, UnreadableAnswer
from xtransplant.backends.ndif.client import Gone, fetch, send
from xtransplant.backends.ndif.payload import payload_of
from xtransplant.backends.ndif.refusals import job_error
from xtransplant.backends.ndif.retry import if_retryable, retrying, unreadable_again
from xtransplant.backends.ndif.server import Server
from xtransplant.backends.ndif.waiting import poll, wait_on_websocket
from xtransplant.compat.nnsight import RemoteBackend, RequestModel, ResponseModel, push_result
from xtransplant.errors import XTransplantError

__all__ = ["SAVED", "Job"]

SAVED = "found"
"""The variable that every session saves."""


class Job(RemoteBackend):  # type: ignore[misc]
    """One session on a server, as nnsight takes a backend."""

    def __init__(self, server: Server, model_key: str, digest: str | None) -> None:
        """A session of a model.

        Args:
            server: where it runs.
            model_key: nnsight's name of the model.
            digest: of what the session asks; None where it cannot be recognised again.
        """
        super().__init__(model_key, host=server.url)
        self._server, self._digest = server, digest
        self.display.enabled = False

    def __call__(self, tracer: Any = None) -> Any:
        """Run a traced session there, and put what it saved into the caller's variables."""
        turn, jobs = self._server.turn, self._server.jobs
        lock = (
            nullcontext() if jobs is None or self._digest is None else jobs.lock_for(self._digest)
        )
        # A thread that asks the same meanwhile finds this one's answer.
        with turn.waiting(), lock:
            result = self._collect()
            if result is None:
                with turn:
                    payload = payload_of(self, tracer)
                result = self._run(payload)
        if not isinstance(result, dict) or SAVED not in result:
            raise XTransplantError(f"{self._server.url} answered with no values; is it NDIF?")
        # Nothing else: a server has no say in the other variables of its caller.
        result = {SAVED: result[SAVED]}
        push_result(self, result, tracer)
        return result

    def _run(self, payload: bytes) -> Any:
        """The result of a job that is sent as often as it may be."""
        try:
            return retrying(self._server, if_retryable())(self._run_once, payload)
        except UnreadableAnswer as error:
            raise unreadable_again(self._server, error) from None

    def _run_once(self, payload: bytes) -> Any:
        """Send the job, wait for its end, and fetch what it saved."""
        request = RequestModel(model_key=self.model_key, compress=self.compress, env=self.env)
        jobs = self._server.jobs
        if jobs is None:
            ended = wait_on_websocket(self, self._server, request, payload)
        else:
            response = send(self, request, payload)
            if self._digest is not None:
                jobs.keep(self._digest, response.id)
            ended = poll(self, self._server, response.id)
        if (failure := job_error(self, ended)) is not None:
            raise failure
        try:
            return self._fetch(ended)
        except UnreadableAnswer as error:
            if not isinstance(ended.data, str):
                raise  # it came with the status: to have it again, the job has to be sent again
            raise unreadable_again(self._server, error) from None

    def _fetch(self, ended: ResponseModel) -> Any:
        """What a job saved, fetched as often as may help; one that is damaged, twice.

        Raises:
            Gone: it is no longer there.
            UnreadableAnswer: it is damaged.
            XTransplantError: it cannot be fetched.
        """
        unreadable = 0

        def retry(error: BaseException) -> bool:
            nonlocal unreadable
            unreadable += isinstance(error, UnreadableAnswer)
            if isinstance(error, UnreadableAnswer) and not isinstance(ended.data, str):
                return False
            return isinstance(error, Retryable) and not isinstance(error, Gone) and unreadable < 2

        server = self._server
        return retrying(server, retry)(
            fetch, self, ended, insecure=server.insecure, largest=server.largest
        )

    def _collect(self) -> Any:
        """The result of the same job, if it was sent before; None if it was not, or is lost."""
        jobs, say = self._server.jobs, self._server.say
        job = None if jobs is None or self._digest is None else jobs.find(self._digest)
        if job is None:
            return None
        try:
            ended = poll(self, self._server, job, sent_before=True)
            if (failure := job_error(self, ended)) is not None:
                raise Retryable(str(failure))
            found = self._fetch(ended)
        except Retryable as error:
            if say is not None:
                say(f"job {job[:8]} of before is lost ({error}); it is sent again")
            return None
        if say is not None:
            say(f"job {job[:8]} of before collected")
        return found
