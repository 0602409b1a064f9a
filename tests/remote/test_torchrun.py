"""A model split over two processes by torchrun (gloo, on the CPU): the same numbers and texts."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from xtransplant.cli.app import run as xtp
from xtransplant.runs import open_run, records

TESTS = Path(__file__).parents[1]

SCRIPT = """
    import json, sys

    sys.path.insert(0, sys.argv[1])
    import raw_cases, torch

    torch.set_num_threads(1)
    from tiny import ALIGNED, GOLDEN
    from xtransplant import load, transplant
    from xtransplant.engine.verify import packing_for
    from xtransplant.model.distributed import destroy_process_group, rank
    from xtransplant.strategies import find_strategy, strategy_names

    model = load(GOLDEN / "llama", tensor_parallel=True)
    parts = model.module.model.layers[0].self_attn.q_proj.weight.to_local().shape[0]
    found = {"packing": str(packing_for(model).packing), "rows of q_proj": parts, "scores": {},
             "texts": {}}
    # The example has one source prompt.
    names = [name for name in strategy_names()
             if not find_strategy(name).is_fitted and name != "resid-mean-swap"]
    for name in [*names, raw_cases.__file__ + ":raw-attn"]:
        grid = transplant(model, ALIGNED, name, generations=True, max_new_tokens=5,
                          source_layers=(0, 2), target_layers=(1, 2))
        found["scores"][name] = grid.scores.logprobs.tolist()
        found["texts"][name] = grid.generations.outputs
    if rank() == 0:
        print(json.dumps(found))
    destroy_process_group()
"""


def torchrun(*command):
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
         "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", *command],
        check=False, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_two_processes_give_what_one_gives_for_every_strategy(tmp_path, near):
    from tiny import ALIGNED

    from xtransplant import transplant

    script = tmp_path / "split.py"
    script.write_text(textwrap.dedent(SCRIPT))
    code, out, err = torchrun(str(script), str(TESTS))
    assert code == 0, err
    found = json.loads(out.splitlines()[-1])
    rows = near.module.model.layers[0].self_attn.q_proj.weight.shape[0]
    assert found["rows of q_proj"] == rows // 2, "nothing was split"
    assert "shared prefix" in found["packing"]
    for name, scores in found["scores"].items():
        grid = transplant(
            near, ALIGNED, name, generations=True, max_new_tokens=5,
            source_layers=(0, 2), target_layers=(1, 2),
        )  # fmt: skip
        assert np.abs(np.array(scores) - grid.scores.logprobs).max() < 1e-4
        assert found["texts"][name] == list(grid.generations.outputs)


@pytest.mark.slow
def test_a_bench_of_two_processes_stores_what_one_stores(tmp_path):
    command = ["bench", "-t", "babel", "-s", "ffn-swap", "-l", "sw,zh", "--limit", "9",
               "--mode", "score", "--pairs", "target-first"]  # fmt: skip
    xtp_there = "import sys; from xtransplant.cli.app import main; sys.argv[0] = 'xtp'; main()"
    code, out, err = torchrun(
        "--no-python", sys.executable, "-c", xtp_there, *command, "--tensor-parallel",
        "-o", str(tmp_path / "two"),
    )  # fmt: skip
    assert code == 0, err
    # One of them speaks for both.
    assert out.count(": percent right") == 1
    assert err.count("records in") == 1
    assert xtp([*command, "-o", str(tmp_path / "one")]) == 0
    two, one = (open_run(next((tmp_path / name).iterdir())) for name in ("two", "one"))
    assert two.path.name == one.path.name
    assert two.manifest.state == "complete"
    assert two.manifest.model["fingerprint"] == one.manifest.model["fingerprint"]
    there, here = records(two.path), records(one.path)
    assert np.abs(np.stack(there.logprobs) - np.stack(here.logprobs)).max() < 1e-4


def test_one_process_cannot_split(capsys):
    assert xtp(["trace", "-s", "attn-swap", "--tensor-parallel"]) == 2
    assert "torchrun --nproc-per-node 2" in capsys.readouterr().err
