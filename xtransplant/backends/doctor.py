"""Is an NDIF server usable from here? One line for each thing that has to be right."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import httpx
from nnsight.schema.config import CONFIG

from xtransplant.backends.ndif import Ndif
from xtransplant.backends.wire import key_header
from xtransplant.errors import XTransplantError, one_line

__all__ = ["Finding", "deployed", "examine"]

_COMPARED = ("nnsight", "torch", "transformers")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        ok: whether it is right.
        what: what was found, and what to do where it is not right; never a key.
    """

    ok: bool
    what: str


def deployed(server: Ndif) -> list[dict[str, str]]:
    """What a server has deployed: repository, revision and state of each model.

    Raises:
        XTransplantError: it cannot be reached, or answers something else.
    """
    found = _ask(server, "/status").get("deployments")
    if not isinstance(found, dict):
        raise XTransplantError(f"{server.url}/status lists no deployments; is it NDIF?")
    rows: dict[tuple[str, str], str] = {}
    for name, entry in found.items():
        key = _repository(name, entry)
        # What is only downloaded, or waits in memory, has no state of its own.
        state = str(entry.get("application_state") or entry.get("deployment_level") or "?")
        if rows.get(key) != "RUNNING":
            rows[key] = state
    return [{"model": name, "revision": rev, "state": rows[name, rev]} for name, rev in rows]


def _repository(name: str, entry: dict[str, Any]) -> tuple[str, str]:
    """Name and revision of a deployment; a server that could not look at it gives its key alone."""
    asked: dict[str, Any] = {}
    with suppress(ValueError):
        asked = json.loads("{" + (entry.get("model_key") or name).partition("{")[2])
    repository = entry.get("repo_id") or asked.get("repo_id") or name
    return str(repository), str(entry.get("revision") or asked.get("revision") or "main")


def examine(server: Ndif, model: str | None) -> list[Finding]:
    """Key, server, model and versions, in the order in which they matter."""
    key = bool(CONFIG.API.APIKEY)
    found = [
        Finding(
            key,
            "a key is set"
            if key
            else "no key is set: nnsight login, or NDIF_API_KEY (a server of "
            "your own may not need one)",
        )
    ]
    try:
        models = deployed(server)
    except XTransplantError as error:
        return [*found, Finding(False, str(error))]
    found.append(Finding(True, f"{server.url} answers; {len(models)} models are deployed"))
    if model is not None:
        states = [row["state"] for row in models if row["model"] == model]
        if states:
            found.append(Finding("RUNNING" in states, f"{model} is {', '.join(states).lower()}"))
        else:
            found.append(Finding(False, f"{model} is not deployed; xtp models --on ndif lists all"))
    try:
        theirs = _ask(server, "/env").get("packages") or {}
    except XTransplantError as error:
        return [*found, Finding(False, f"versions are not known: {error}")]
    for name in _COMPARED:
        here, there = version(name), str(theirs.get(name, "unknown"))
        same = here.split("+")[0] == there.split("+")[0]
        found.append(
            Finding(same, f"{name} {here} here and there")
            if same
            else Finding(False, f"{name} {here} here, {there} there: pip install {name}=={there}")
        )
    return found


def _ask(server: Ndif, path: str) -> dict[str, Any]:
    headers = key_header(CONFIG.API.APIKEY)
    try:
        answer = httpx.get(f"{server.url}{path}", headers=headers, timeout=10.0)
        answer.raise_for_status()
        document = answer.json()
    except httpx.HTTPStatusError as error:
        raise XTransplantError(
            f"{server.url}{path} answered {error.response.status_code}"
        ) from None
    except (httpx.HTTPError, ValueError) as error:
        raise XTransplantError(
            f"{server.url} cannot be reached ({one_line(error)}); check the URL and "
            "your network, or try again later"
        ) from None
    return document if isinstance(document, dict) else {}
