"""Running a job as NDIF does, by nnsight's own server-side functions."""

import linecache
import threading
from typing import Any

import spoiled
from faults import armed, fault
from nnsight.modeling.mixins.remotable import Remotable
from nnsight.schema.request import RequestModel
from nnsight.tracing import tracer as tracing
from nnsight.tracing.globals import BLOCKS, SOURCES

models: dict[str, Any] = {}
running = threading.Lock()
SPOILED = (
    "shapes", "names", "count", "no dict", "other name", "nan", "inf", "ids", "words", "integers",
    "sparse", "object", "writes", "evil", "packed archive", "not zstd", "no archive", "bomb",
    "torn",
)  # fmt: skip


def model_for(key: str) -> Any:
    if key not in models:
        models[key] = Remotable.from_model_key(key, dispatch=True)
        models[key]._module.requires_grad_(False)
    return models[key]


def execute(blob: bytes, request: RequestModel) -> bytes:
    """Run a job; the bytes of what it saved."""
    with running:
        model = model_for(request.model_key)
        # A job names its blocks by the client's files and lines, and the next job may hold another
        # part of the same file: as NDIF does, nothing of it is kept.
        caches = [(cache, dict(cache)) for cache in (linecache.cache, SOURCES, BLOCKS)]
        try:
            tracer = RequestModel.deserialize(
                blob, model._remoteable_persistent_objects(), request.compress
            )
            tracing.inc()
            try:
                tracer.execute(tracer.info.code)
                saved = tracing._saves()
                found = {k: v for k, v in tracer.info.frame.f_locals.items() if id(v) in saved}
            finally:
                tracing.dec()
        finally:
            for cache, before in caches:
                cache.clear()
                cache.update(before)
    kind = fault.get("kind", "none")
    if kind not in SPOILED or not armed(kind):
        kind = "none"
    return spoiled.written(kind, spoiled.values(kind, found, fault.get("at")), request.compress)
