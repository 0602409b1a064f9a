"""A hub on the loopback: as much of its protocol as a data set is pushed by.

What is sent is kept as the hub would have it: small files in the commit, others by Git LFS.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

KEY = "hf_stub_key_that_no_log_may_have"

Answer = tuple[int, dict[str, Any]]


class Hub:
    """What was asked of it, and what it holds.

    ``files`` are by branch and path; ``lfs``, whether tables go by Git LFS; ``fault`` is a status
    that commits are answered with.
    """

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.blobs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.lfs = True
        self.fault: int | None = None

    def answer(self, method: str, path: str, body: bytes, key: str | None) -> Answer:
        self.asked.append(f"{method} {path}")
        if key != f"Bearer {KEY}" and not path.startswith("/lfs/"):
            return 401, {"error": "Invalid username or password."}
        for ends, what in (
            ("/api/repos/create", self.create), ("/info/lfs/objects/batch", self.batch),
            ("/api/validate-yaml", lambda _: (200, {"errors": [], "warnings": []})),
        ):  # fmt: skip
            if path.endswith(ends):
                return what(json.loads(body))
        parts = path.strip("/").split("/")
        if parts[0] == "lfs":
            self.blobs[parts[1]] = body
            return 200, {}
        return self.of_repo("/".join(parts[2:4]), parts[4:], body)

    def create(self, asked: Any) -> Answer:
        name = f"{asked['organization']}/{asked['name']}"
        there = name in self.private
        self.private.setdefault(name, asked.get("visibility") == "private")
        return 409 if there else 200, {"url": f"{self.url}/datasets/{name}"}

    def batch(self, asked: Any) -> Answer:
        return 200, {"objects": [
            {**one, "actions": {"upload": {"href": f"{self.url}/lfs/{one['oid']}"}}}
            for one in asked["objects"]
        ]}  # fmt: skip

    def of_repo(self, name: str, rest: list[str], body: bytes) -> Answer:
        if not rest:
            return 200, {"id": name, "sha": "0" * 40, "private": self.private[name], "siblings": []}
        if rest[0] == "preupload":
            return 200, {"files": [
                {"path": one["path"], "shouldIgnore": False,
                 "uploadMode": "lfs" if self.lfs and one["path"].endswith("parquet") else "regular"}
                for one in json.loads(body)["files"]
            ]}  # fmt: skip
        if rest[0] == "commit" and not self.fault:
            return self.commit(rest[1], [json.loads(line) for line in body.splitlines()])
        return self.fault or 200, {}

    def commit(self, branch: str, lines: list[Any]) -> Answer:
        held = self.files.setdefault(branch, {})
        for line in lines:
            one = line["value"]
            if line["key"] == "file":
                held[one["path"]] = base64.b64decode(one["content"])
            elif line["key"] == "lfsFile":
                held[one["path"]] = self.blobs[one["oid"]]
        return 200, {"success": True, "commitOid": "1" * 40, "hookOutput": "",
                     "commitUrl": f"{self.url}/datasets/me/run/commit/{'1' * 40}"}  # fmt: skip


@contextmanager
def hub_stub() -> Iterator[Hub]:
    """A hub, and its address in ``.url``."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = hub.answer(
                self.command, self.path.partition("?")[0], body, self.headers.get("Authorization")
            )
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_HEAD = do

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
