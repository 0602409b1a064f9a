"""Is an NDIF server usable from here? One line for each thing that has to be right."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from xtransplant.backends.ndif.answers import Retryable
from xtransplant.backends.ndif.http import Answer, request
from xtransplant.backends.ndif.refusals import detail_of, key_header, redacted
from xtransplant.backends.ndif.server import Server
from xtransplant.backends.protocol import Finding
from xtransplant.compat.nnsight import RequestModel, api_key
from xtransplant.errors import XTransplantError, one_line

__all__ = ["deployed", "examine"]

_COLUMNS = ("model", "revision", "state")
_COMPARED = ("nnsight", "torch", "transformers")


def deployed(server: Server) -> list[dict[str, str]]:
    """What a server has deployed: repository, revision and state of each model.

    Raises:
        XTransplantError: it cannot be reached, or answers something else.
    """
    found = _document(server, "/status").get("deployments")
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise XTransplantError(f"{server.url}/status lists no deployments; is it NDIF?")
    rows: dict[tuple[str, str], str] = {}
    for name, entry in found.items():
        key = _repository(name, entry)
        # What is only downloaded, or waits in memory, has no state of its own.
        state = str(entry.get("application_state") or entry.get("deployment_level") or "?")
        if rows.get(key) != "RUNNING":
            rows[key] = state
    return [
        {what: redacted(None, text) for what, text in zip(_COLUMNS, (*key, state), strict=True)}
        for key, state in rows.items()
    ]


def examine(server: Server, model: str | None) -> list[Finding]:
    """Key, server, model and versions, in the order in which they matter."""
    try:
        models = deployed(server)
    except XTransplantError as error:
        what = "a key is set" if api_key() else "no key is set (nnsight login, or NDIF_API_KEY)"
        key = Finding(bool(api_key()), f"{what}; whether it is right is not known")
        return [key, Finding(False, str(error))]
    found = [_key(server)]
    found.append(Finding(True, f"{server.url} answers; {len(models)} models are deployed"))
    if model is not None:
        states = [row["state"] for row in models if row["model"] == model]
        if states:
            found.append(Finding("RUNNING" in states, f"{model} is {', '.join(states).lower()}"))
        else:
            found.append(Finding(False, f"{model} is not deployed; xtp models --on ndif lists all"))
    try:
        theirs = _document(server, "/env").get("packages")
        if not isinstance(theirs, dict):
            raise XTransplantError(f"{server.url}/env lists no packages; is it NDIF?")
    except XTransplantError as error:
        return [*found, Finding(False, f"versions are not known: {error}")]
    for name in _COMPARED:
        here, there = version(name), redacted(None, str(theirs.get(name, "unknown")))
        same = here.split("+")[0] == there.split("+")[0]
        found.append(
            Finding(same, f"{name} {here} here and there")
            if same
            else Finding(False, f"{name} {here} here, {there} there: pip install {name}=={there}")
        )
    return found


def _key(server: Server) -> Finding:
    """Whether the server takes the key that is set.

    Only a job is asked for its key (NDIF's ``/whoami`` answers alike for wrong keys and for servers
    that want none). So one is handed in without its code: a key is looked at first, and what is
    right with it but lacks the code (422) is no job.
    """
    key, mend = api_key(), "nnsight login, or NDIF_API_KEY"
    envelope = {"data": RequestModel(model_key="none").metadata()}
    try:
        answer = _request(server, "POST", "/request", data=envelope)
    except XTransplantError as error:
        return Finding(False, f"whether the server takes your key is not known: {error}")
    words = redacted(key, one_line(detail_of(answer)))
    if answer.status == 422 and _lacks_only_code(answer):
        what = "a key is set, and the server takes it"
        return Finding(True, what if key else "no key is set, and the server wants none")
    if answer.status in (400, 401, 403):
        what = "the key that is set is refused" if key else "no key is set, and one is wanted"
        return Finding(False, f"{what} ({answer.status}: {words}): {mend}")
    return Finding(
        False,
        f"whether the server takes your key is not known: {server.url}/request answered "
        f"{answer.status}: {words}",
    )


def _lacks_only_code(answer: Answer) -> bool:
    """Whether nothing is wrong with a job but that it has no code."""
    try:
        return [one["loc"][-1] for one in json.loads(answer.content)["detail"]] == ["blob"]
    except (ValueError, TypeError, LookupError):
        return False


def _repository(name: str, entry: dict[str, Any]) -> tuple[str, str]:
    """Name and revision of a deployment; a server that could not look at it gives its key alone."""
    asked: dict[str, Any] = {}
    with suppress(ValueError):
        asked = json.loads("{" + str(entry.get("model_key") or name).partition("{")[2])
    repository = entry.get("repo_id") or asked.get("repo_id") or name
    return str(repository), str(entry.get("revision") or asked.get("revision") or "main")


def _document(server: Server, path: str) -> dict[str, Any]:
    """The JSON that a route answers with."""
    answer = _request(server, "GET", path)
    if answer.status != 200:
        words = redacted(api_key(), one_line(detail_of(answer)))
        raise XTransplantError(f"{server.url}{path} answered {answer.status}: {words}")
    try:
        document = json.loads(answer.content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise XTransplantError(
            f"{server.url}{path} answered with {_kind(answer)} where JSON was asked; is it NDIF?"
        )
    return document


def _kind(answer: Answer) -> str:
    text = answer.content.strip()
    return "nothing" if not text else "a web page" if text.startswith(b"<") else "something else"


def _request(server: Server, method: str, path: str, **body: Any) -> Answer:
    server.check()
    try:
        return request(
            method, f"{server.url}{path}", headers=key_header(api_key()), silence=10.0, within=30.0,
            largest=server.largest, **body,
        )  # fmt: skip
    except Retryable as error:
        raise XTransplantError(
            f"{server.url} cannot be reached ({error}); check the URL and your network, or try "
            "again later"
        ) from None
