"""What a server's refusal or failure is to the user, in words that may be printed."""

from __future__ import annotations

import json

from xtransplant.backends.ndif.answers import Retryable
from xtransplant.backends.ndif.http import Answer
from xtransplant.compat.nnsight import RemoteBackend, ResponseModel, Status
from xtransplant.errors import JobFailed, XTransplantError, one_line

__all__ = ["RETRYABLE", "detail_of", "job_error", "key_header", "redacted", "refusal"]

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of http that may be gone the next time."""

_HINTS = {
    401: "set your key with `nnsight login` or NDIF_API_KEY",
    403: "your key may not use this model",
    404: "see what is deployed with xtp models --on ndif",
}


def refusal(client: RemoteBackend, status: int, detail: str, hint: str = "") -> Exception:
    """The error that an http status other than success is.

    Args:
        client: who asked.
        status: of http, or 0 where there is none.
        detail: the server's words.
        hint: what to do; by default that of the status.
    """
    words = f": {redacted(client.api_key, one_line(detail))}" if detail else ""
    if status in RETRYABLE:
        return Retryable(f"the server answered {status}{words}")
    hint = hint or _HINTS.get(status, "check the URL: is it NDIF?" if status < 400 else "")
    return XTransplantError(
        f"{client.host} answered {status}{words}" + (f"; {hint}" if hint else "")
    )


def job_error(client: RemoteBackend, response: ResponseModel) -> JobFailed | None:
    """The error of a job that ended in one; None if it did not.

    Its cause is a MemoryError where memory ran out there, so that the caller asks for less at once
    as it would here.
    """
    if response.status != Status.ERROR:
        return None
    lines = [line.strip() for line in response.description.splitlines() if line.strip()]
    last = redacted(client.api_key, lines[-1][:300]) if lines else "it does not say why"
    if lines and lines[0].startswith("Could not deploy"):
        last = f"{redacted(client.api_key, lines[0][:200])} ({last}); {_HINTS[404]}"
    error = JobFailed(f"the job failed on {client.host}: {last}")
    if "OutOfMemoryError" in last or "out of memory" in last:
        error.__cause__ = MemoryError(last)
    return error


def detail_of(answer: Answer) -> str:
    """What a server says of a refusal: FastAPI's ``detail``, or its own words."""
    text = answer.content.decode(errors="replace").strip()
    try:
        document = json.loads(text)
    except ValueError:
        return "a web page" if text.startswith("<") else text
    found = document.get("detail", document) if isinstance(document, dict) else document
    return found if isinstance(found, str) else json.dumps(found)


def redacted(key: str | None, text: str) -> str:
    """A server's words as they may be printed.

    Without the key, which NDIF quotes, and without control characters, which a terminal obeys.
    """
    if key:
        text = text.replace(key, "<your key>")
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def key_header(key: str | None) -> dict[str, str] | None:
    """The header that a key is sent in; None without a key."""
    return {"ndif-api-key": key} if key else None
