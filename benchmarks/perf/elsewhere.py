"""What a server costs a grid in time and bytes, and what a second Ray actor is worth.

    python -m xtransplant.benchmarks.perf.elsewhere --on ndif:URL
    python -m xtransplant.benchmarks.perf.elsewhere --on ray

A server on this machine runs the model as fast as this process does, if both use as many threads:
what a grid takes longer there is what its job costs. Grids there and here alternate, so that noise
hits both alike.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from xtransplant.backends.ndif import answers, job, payload
from xtransplant.backends.ndif import client as http_client
from xtransplant.backends.protocol import Backend
from xtransplant.backends.ray import Ray
from xtransplant.backends.registry import parse_on
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.benchmarks.perf.shapes import shaped
from xtransplant.engine.ask.memory import keep_freed_memory
from xtransplant.grid.transplant import transplant
from xtransplant.model.load import load
from xtransplant.model.model import Model
from xtransplant.prompts import Example

_ROUNDS = 7


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on", required=True, help="ndif:URL or ray")
    parser.add_argument("--limit", type=int, default=40, help="examples a language, with ray")
    arguments = parser.parse_args()
    backend = parse_on(arguments.on)
    keep_freed_memory()
    if backend.has_workers:
        _ray(arguments.limit)
        return
    torch.set_num_threads(1)
    sizes = _watch_sizes()
    _server("babel", load(CHECKPOINT), backend, 12, sizes)
    with shaped("60m") as here:
        _server("60m", here, backend, 30, sizes)


def _server(name: str, here: Model, backend: Backend, words: int, sizes: dict[str, int]) -> None:
    there = load(here.name, backend=backend)
    text = " ".join(f"word{k}" for k in range(words))
    example = Example(f"{text} a", f"{text} b", candidates=(" x", " y"), answer=" x")
    taken: dict[str, list[float]] = {"there": [], "here": []}
    for model in (there, here):
        transplant(model, example, "attn-swap")  # packing is verified, and both are warm
    for _ in range(_ROUNDS):
        for label, model in (("there", there), ("here", here)):
            taken[label].append(_timed(model, example))
    medians = {label: statistics.median(values) for label, values in taken.items()}
    gaps = [(a - b) * 1e3 for a, b in zip(taken["there"], taken["here"], strict=True)]
    print(
        f"{name}: {here.n_layers**2} layer pairs, there {medians['there']:.3f} s, here "
        f"{medians['here']:.3f} s; there takes {statistics.median(gaps):.0f} ms longer "
        f"({min(gaps):.0f} to {max(gaps):.0f}); payload {sizes['sent'] / 1e3:.0f} kB, answer "
        f"{sizes['got'] / 1e3:.0f} kB"
    )


def _timed(model: Model, example: Example) -> float:
    started = time.perf_counter()
    transplant(model, example, "attn-swap")
    return time.perf_counter() - started


def _watch_sizes() -> dict[str, int]:
    """Bytes of the last job and of its answer, kept up to date."""
    sizes = {"sent": 0, "got": 0}
    pack, read = payload.payload_of, answers.read_result

    def sent(client: Any, tracer: Any) -> bytes:
        blob = pack(client, tracer)
        sizes["sent"] = len(blob)
        return blob

    def got(content: bytes, *who: Any, **options: Any) -> Any:
        sizes["got"] = len(content)
        return read(content, *who, **options)

    # Watched where they are called.
    vars(job)["payload_of"], vars(http_client)["read_result"] = sent, got
    return sizes


def _ray(limit: int) -> None:
    """The bundled task, whole grids by text, with one actor on all cores and with two."""
    config = Config(tasks=("babel",), strategies=("attn-swap", "ffn-swap"), mode="generate",
                    limit=limit)  # fmt: skip
    seconds = {}
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            run = bench(config, RunContext(Path(folder), backend=Ray(workers=count)))
            whole = time.perf_counter() - started
            # From the first part stored to the last: actors begin by loading torch, which is not
            # the bench.
            stored = sorted(path.stat().st_mtime for path in run.path.glob("correct/**/*.parquet"))
            rate = (len(stored) - 1) / (stored[-1] - stored[0])
            seconds[count] = (whole, rate)
            print(
                f"{count} of them: {whole:.1f} s in all, {rate:.2f} parts a second of {len(stored)}"
            )
    (whole_1, rate_1), (whole_2, rate_2) = seconds[1], seconds[2]
    print(f"two against one: {rate_2 / rate_1:.2f} x at work, {whole_1 / whole_2:.2f} x in all")


if __name__ == "__main__":
    main()
