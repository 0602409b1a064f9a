"""What a whole grid costs, in ordinary forward passes of the same model, measured side by side.

python -m xtransplant.benchmarks.perf [--shape 60m] [--tokens 150] [--repeats 7] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from xtransplant.benchmarks.babel.task import CHECKPOINT

from xtransplant.engine.score import score_edits, shape_of
from xtransplant.engine.verify import verify_packing
from xtransplant.model.load import Model, load
from xtransplant.strategies import find_strategy

SHAPES = {
    "tiny": {"num_hidden_layers": 8, "hidden_size": 128, "intermediate_size": 384, "heads": 4},
    "60m": {"num_hidden_layers": 32, "hidden_size": 384, "intermediate_size": 1024, "heads": 6},
    "llama-7b": {
        "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 11008, "heads": 32,
    },
}  # fmt: skip
_ORDINARY = 1200  # tokens of the ordinary forward pass


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="60m")
    parser.add_argument("--tokens", type=int, default=150, help="length of both prompts")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--strategy", default="attn-swap")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_checkpoint(arguments.shape, Path(folder))
        model = load(folder, dtype=arguments.dtype, device_map=arguments.device)
        found = measure(model, arguments.strategy, arguments.tokens, arguments.repeats)
    found = {"shape": arguments.shape, "dtype": arguments.dtype, **found}
    print(json.dumps(found, indent=1) if arguments.json else table(found))


def make_checkpoint(shape: str, folder: Path) -> None:
    """A Llama of a shape with random weights, 32,000 ids, and Babel's tokenizer."""
    sizes = dict(SHAPES[shape])
    heads = sizes.pop("heads")
    config = LlamaConfig(
        vocab_size=32000,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=4096,
        **sizes,  # type: ignore[arg-type]
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(CHECKPOINT).save_pretrained(folder)


def measure(model: Model, strategy: str, n_tokens: int, repeats: int) -> dict[str, Any]:
    """Seconds of the whole grid and of one ordinary forward pass, taken in turn."""
    dice = random.Random(0)
    source, target = ([dice.randrange(3, 30000) for _ in range(n_tokens)] for _ in range(2))
    pairs = list(product(range(model.n_layers), repeat=2))
    shape, chosen = shape_of(model), find_strategy(strategy)
    ids = torch.randint(3, 30000, (1, _ORDINARY), device=model.device)
    plain = model.nn._module

    check = verify_packing(model)

    def grid() -> None:
        variants = [chosen.edits(shape, i, j) for i, j in pairs]
        score_edits(model, source, target, variants, [[7]], [[7]], packing=check.packing)

    def ordinary() -> None:
        with torch.no_grad():
            plain(input_ids=ids, use_cache=False)

    times: dict[str, list[float]] = {"grid": [], "ordinary": []}
    for repeat in range(repeats + 1):
        for name, work in (("grid", grid), ("ordinary", ordinary)):
            seconds = _timed(work, model.device)
            if repeat:  # the first of each warms up
                times[name].append(seconds)
    ratios = [a / b for a, b in zip(times["grid"], times["ordinary"], strict=True)]
    return {
        "variants": len(pairs),
        "tokens": n_tokens,
        "packing_difference": check.worst,
        "grid_seconds": statistics.median(times["grid"]),
        "ordinary_seconds": statistics.median(times["ordinary"]),
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
    }


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    low, high = found["ratio_range"]
    return "\n".join(
        [
            "| | seconds (median) |",
            "|---|---|",
            f"| grid of {found['variants']} variants, {found['tokens']}-token prompts, source "
            f"included | {found['grid_seconds']:.3f} |",
            f"| one ordinary forward pass of {_ORDINARY} tokens "
            f"| {found['ordinary_seconds']:.3f} |",
            f"| ratio | {found['ratio']:.2f} ({low:.2f} to {high:.2f}) |",
        ]
    )


def _timed(work: Callable[[], None], device: torch.device) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
