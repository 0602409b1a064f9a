"""Run a bench in children that are killed at random, until it is done: see test_killed.py.

    python killed.py FOLDER KILLS

Children are forked after the model is loaded, so that a kill costs no loading. Prints how many were
killed at work, after how many of these the run was stored in part, and the run's folder.
"""

import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch

from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.load import load_model
from xtransplant.bench.opening import find_run
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT, babel
from xtransplant.tasks.data import DataSource

N_LANGUAGES = 24  # each is a part
LONGEST = 2.0  # parts that the first child lives for, by how long one takes just now


def config(folder: Path) -> Config:
    """A file of Babel's prompts under many language codes, two examples each."""
    file = folder / "examples.jsonl"
    found = babel.examples("sw", "en-to-lang", "pilot")
    rows = [
        {"source": one.source, "target": one.target, "answer": one.answer, "lang": f"l{k // 2:02d}"}
        for k, one in enumerate((found * 2)[: 2 * N_LANGUAGES])
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Config(
        tasks=("file",), strategies=("attn-swap", "ffn-swap"), model=ModelSpec(str(CHECKPOINT)),
        pairs="last:first", mode="generate", max_new_tokens=2, data=DataSource(file=file),
        memory_budget=2**28,
    )  # fmt: skip


def main(folder: Path, kills: int) -> None:
    torch.set_num_threads(1)
    dice = random.Random(kills)
    folder.mkdir(parents=True)
    asked = config(folder)
    plan = make_plan(asked)
    model = load_model(plan.model_name, asked.model)
    # What is done once in a process is done before the children are made.
    bench(replace(asked, langs=("l00",)), RunContext(folder / "first"), model=model)
    started = time.monotonic()
    bench(replace(asked, langs=("l01",)), RunContext(folder / "second"), model=model)
    longest = LONGEST * (time.monotonic() - started)
    killed, partly, stored = 0, 0, 0
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            bench(asked, RunContext(folder / "runs"), model=model)
            os._exit(0)
        time.sleep(dice.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        _, run = find_run(plan, folder / "runs")
        if run is not None:
            before, stored = stored, len(list(run.manifest.parts())) - len(run.missing())
            partly += 0 < stored < len(list(run.manifest.parts()))
            # However busy the machine: the run is not to be done before the kills are.
            longest *= 0.7 ** (stored - before) if stored > before else 1.15
    run = bench(asked, RunContext(folder / "runs"), model=model)
    print(killed, partly, run.path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
