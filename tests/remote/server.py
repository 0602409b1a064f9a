"""NDIF on loopback, in a process of its own, by nnsight's own server-side functions.

    python server.py MODEL_FOLDER

Prints its port once it listens, and ends when its standard input closes. This package cannot be
imported in it. ``POST /fault`` arms a fault: ``{"kind": ..., "times": n, "at": status or value}``.
"""

import os
import sys


class Blocked:
    """Whoever imports this package here finds what a server would: nothing."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] in ("xtransplant", "tests"):
            raise ModuleNotFoundError(f"No module named {name!r}")


sys.meta_path.insert(0, Blocked())
os.environ["HF_HUB_OFFLINE"] = "1"

import asyncio
import json
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any

# Before nnsight, which gives every object an attribute that these classes take for theirs; without
# them no job of more than a megabyte, spooled to disk by anyio, can be read.
import anyio._backends._asyncio
import anyio.abc._sockets  # noqa: F401
import spoiled
import torch
import uvicorn
from execution import execute, models
from fastapi import Depends, FastAPI, File, Form, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from faults import armed, fault, refusals
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status
from wrong_pages import WRONG_PAGES

torch.set_num_threads(1)
KEY = "loopback-key"
app = FastAPI()
sessions: dict[str, asyncio.Queue[Any]] = {}
results: dict[str, bytes | None] = {}
responses: dict[str, str] = {}
log = dict.fromkeys(("jobs", "fetched", "payload", "answer", "queued", "looks", "most", "now"), 0)
lost: set[str] = set()


@app.post("/fault")
async def arm(request: Request) -> dict[str, Any]:
    fault.clear()
    fault.update(await request.json())
    return {}


@app.post("/reset")
async def reset() -> dict[str, Any]:
    log.update(dict.fromkeys(log, 0))
    return {}


@app.get("/log")
async def look() -> dict[str, int]:
    return log


@app.middleware("http")
async def elsewhere(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Faults of the whole server: other pages than were asked for, at a path or at all of them."""
    if request.url.path in ("/fault", "/reset", "/log") or fault.get("at") not in (
        None, request.url.path,
    ):  # fmt: skip
        return await call_next(request)
    for kind, answer in WRONG_PAGES.items():
        if armed(kind):
            return answer()
    return await call_next(request)


@app.get("/status")
async def status() -> dict[str, Any]:
    # As NDIF 0.1.2 lists models that it could not look at on the hub, and those only downloaded.
    deployments = {
        f"{n:05x}:ModelActor:{key}": {"application_state": "RUNNING"}
        for n, key in enumerate(models)
    }
    deployments["org/cold"] = {"deployment_level": "COLD", "repo_id": "org/cold"}
    return {"deployments": deployments}


@app.get("/env")
async def env() -> dict[str, Any]:
    return {"packages": {name: version(name) for name in ("nnsight", "torch", "transformers")}}


@app.websocket("/subscribe")
async def subscribe(socket: WebSocket) -> None:
    if armed("moved websocket"):
        await socket.send_denial_response(RedirectResponse("ws://127.0.0.1:9/subscribe", 307))
        return
    await socket.accept()
    if armed("refuse"):
        await socket.close(code=1013)
        return
    name = uuid.uuid4().hex
    queue = sessions[name] = asyncio.Queue()
    await socket.send_text("{}" if armed("no session") else json.dumps({"session_id": name}))
    try:
        while True:
            message = await queue.get()
            if message is None:
                await socket.close()
                return
            await (socket.send_bytes if isinstance(message, bytes) else socket.send_text)(message)
    except Exception:
        return
    finally:
        sessions.pop(name, None)


def allowed(request: Request, data: str = Form()) -> RequestModel:
    """What is asked by a key that is right: looked at, as by NDIF 0.1.2, before the code is."""
    given = request.headers.get("ndif-api-key")
    for code, words in refusals(given):
        if armed(str(code)):
            raise HTTPException(code, words)
    if fault.get("kind") == "401-later":
        # A key that is taken so many times.
        fault["times"] -= 1
        if fault["times"] < 0:
            raise HTTPException(401, "Invalid API key")
    if given != KEY and not armed("open"):
        raise HTTPException(401, "Invalid API key")
    return RequestModel.model_validate_json(data)


@app.post("/request")
async def submit(
    asked: Annotated[RequestModel, Depends(allowed)], blob: bytes = File()
) -> JSONResponse:
    job = uuid.uuid4().hex
    log["jobs"] += 1
    log["queued"] += not asked.session_id
    log["payload"] = len(blob)
    asyncio.get_running_loop().create_task(work(job, asked, blob))
    return JSONResponse(ResponseModel(id=job, status=Status.RECEIVED).model_dump(mode="json"))


def tell(
    job: str, asked: RequestModel, status: Any, description: str = "", data: Any = None
) -> bool:
    """Say how far a job is; False if whoever asked cannot be told any more."""
    if job in lost:
        return False
    response = ResponseModel(id=job, status=status, description=description, data=data)
    if not asked.session_id:
        # Without a websocket the last status is kept to be asked for, as JSON.
        responses[job] = response.model_dump_json()
        return True
    queue = sessions.get(asked.session_id)
    if queue is None:
        return False
    if armed("drop", status.value):
        queue.put_nowait(None)
        return False
    if armed("garbled", status.value):
        message: str | bytes = "half a {sta"
    elif armed("evil frame", status.value):
        message = spoiled.frame(fault["path"])
    else:
        message = response.pickle() if isinstance(data, bytes) else response.model_dump_json()
    queue.put_nowait(message)
    return True


async def work(job: str, asked: RequestModel, blob: bytes) -> None:
    """Run a job, and say how far it is."""
    say = partial(tell, job, asked)
    for status in (Status.QUEUED, Status.DISPATCHED, Status.RUNNING):
        if not say(status):
            return
    if armed("never"):
        return
    while armed("chatter"):
        say(Status.LOG, uuid.uuid4().hex)
        await asyncio.sleep(0.02)
    log["now"] += 1
    log["most"] = max(log["most"], log["now"])
    try:
        if armed("slow"):
            await asyncio.sleep(2.0)
        if armed("error"):
            raise ValueError(f"no {KEY} \x1b[31mred\x1b[0m")
        answer = await asyncio.to_thread(execute, blob, asked)
    except Exception:
        say(Status.ERROR, traceback.format_exc())
        return
    finally:
        log["now"] -= 1
    log["answer"] = len(answer)
    deliver(say, job, asked, answer)


def deliver(say: Callable[..., bool], job: str, asked: RequestModel, answer: bytes) -> None:
    """Say that a job is done, with its answer or with where that lies."""
    if armed("no result"):
        say(Status.COMPLETED)
    elif armed("other place"):
        # A URL, or a path on this server.
        server = app.state.url if fault["at"][0] == "/" else ""
        say(Status.COMPLETED, data=server + fault["at"])
    elif fault.get("by url") or fault.get("kind") in ("url", "expired") or not asked.session_id:
        expired = armed("expired")
        armed("url")
        results[job] = None if expired else answer
        say(Status.COMPLETED, data=f"{app.state.url}/result/{job}")
    else:
        say(Status.COMPLETED, data=answer[: len(answer) // 2] if armed("truncated") else answer)


@app.get("/response/{job}")
async def response(job: str) -> Response:
    if armed("look503"):
        raise HTTPException(503, "Overloaded")
    if armed("lost"):
        # For good, though it may be at work still.
        lost.add(job)
        responses.pop(job, None)
    log["looks"] += 1
    if job not in responses:
        raise HTTPException(404, f"No response for request {job}.")
    return Response(responses[job], media_type="application/json")


@app.get("/result/{job}")
async def result(job: str) -> Response:
    log["fetched"] += 1
    found = results.get(job)
    if found is None:
        raise HTTPException(403, "Request has expired")
    if armed("result503"):
        raise HTTPException(503, "Slow down")
    if armed("truncated"):
        # The connection ends before all that was announced has come.
        half = iter([found[: len(found) // 2]])
        return StreamingResponse(half, headers={"content-length": str(len(found))})
    return Response(found, media_type="application/octet-stream")


@app.get("/large")
async def large() -> StreamingResponse:
    return StreamingResponse(iter([b"x"]), headers={"content-length": str(2**40)})


@app.get("/endless")
async def endless() -> StreamingResponse:
    async def zeros() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**20)

    return StreamingResponse(zeros())


@app.get("/moved")
async def moved() -> RedirectResponse:
    return RedirectResponse("http://example.org/elsewhere?secret=1")


async def main() -> None:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    app.state.url = f"http://127.0.0.1:{port}"
    print(port, flush=True)
    # Whoever started this process holds its standard input; it ends with them.
    await asyncio.to_thread(sys.stdin.read)
    # At once, whatever is still connected.
    task.cancel()
    os._exit(0)


asyncio.run(main())
