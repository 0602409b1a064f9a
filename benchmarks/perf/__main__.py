"""What a whole grid costs, against other ways of computing it and the machine's own arithmetic.

python -m xtransplant.benchmarks.perf [--shape 60m] [--device cpu] [--json] [--babel] [--sweep FILE]
python -m xtransplant.benchmarks.perf --weights MODEL [--add-bos] --choice [--data-dir DIR]
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import logging

from xtransplant.benchmarks.perf.babel import measure_babel
from xtransplant.benchmarks.perf.choice import choice_item, choice_table, measure_choice
from xtransplant.benchmarks.perf.measure import measure
from xtransplant.benchmarks.perf.plot import draw, sweep
from xtransplant.benchmarks.perf.shapes import SHAPES, shaped
from xtransplant.benchmarks.perf.ways import measure_ways
from xtransplant.engine.ask.memory import keep_freed_memory
from xtransplant.model.load import load
from xtransplant.model.model import Model


def main(arguments: list[str] | None = None) -> None:
    """Measure what the flags ask for, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="60m")
    parser.add_argument("--weights", metavar="MODEL", help="a checkpoint in the place of a shape")
    parser.add_argument("--add-bos", action="store_true", help="with --weights, as xtp takes it")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--tokens", type=int, default=150, help="length of both prompts")
    parser.add_argument("--new-tokens", type=int, default=20, help="0: scores only")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=2, help="pairs a baseline runs each round")
    parser.add_argument("--candidates", type=int, default=8, help="of one token each")
    parser.add_argument("--choice", action="store_true", help="three of three tokens, and no more")
    parser.add_argument("--data-dir", type=Path, help="of the paper's prompts: --choice on XNLI's")
    parser.add_argument("--babel", action="store_true", help="the bundled task too")
    parser.add_argument("--ways", action="store_true", help="ways of packing, and no more")
    parser.add_argument("--sweep", type=Path, metavar="FILE.png", help="plot cost, and no more")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    keep_freed_memory()
    if given.sweep is not None:
        draw(sweep(given.shape, device=given.device, dtype=given.dtype), given.sweep)
        return
    with _model(given) as model:
        if given.choice:
            item = choice_item(model, given.tokens, given.data_dir)
            choice = {
                **_machine(given),
                **measure_choice(model, item, rounds=given.repeats, pairs_a_round=given.pairs),
            }
            print(json.dumps(choice, indent=1) if given.json else choice_table(choice))
            return
        if given.ways:
            print(json.dumps(measure_ways(model, n_tokens=given.tokens), indent=1))
            return
        found = measure(
            model,
            n_tokens=given.tokens,
            n_new=given.new_tokens,
            repeats=given.repeats,
            pairs_a_round=given.pairs,
            candidates=given.candidates,
        )
    found = {**_machine(given), **found}
    if given.babel:
        found["babel"] = measure_babel()
    print(json.dumps(found, indent=1) if given.json else table(found))


@contextmanager
def _model(given: argparse.Namespace) -> Iterator[Model]:
    """The checkpoint that was given, or a shape with random weights."""
    if given.weights is None:
        with shaped(given.shape, dtype=given.dtype, device=given.device) as model:
            yield model
        return
    yield load(given.weights, dtype=given.dtype, device_map=given.device, add_bos=given.add_bos)


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    kinds = [kind for kind in ("score", "generate") if kind in found]
    lines = [
        f"{found['shape']}, {found['variants']} variants, prompts of {found['tokens']} tokens, "
        f"{found['dtype']}, {found['device']}, {found['threads']} threads; "
        "median (lowest to highest of the rounds)",
        "",
        f"| | {' | '.join(kinds)} |",
        "|---|" + "---|" * len(kinds),
    ]
    rows = {
        "seconds": ("seconds", "{:.2f}"),
        "× faster than the paper's protocol": ("ratio_paper", "{:.0f}"),
        "× faster than an nnsight trace per pair": ("ratio_nnsight", "{:.0f}"),
        "× faster than plain hooks per pair": ("ratio_hooks", "{:.0f}"),
        "seconds over the floor's": ("over_floor", "{:.2f}"),
        "own overhead": ("overhead", "{:.1%}"),
    }
    for label, (name, shown) in rows.items():
        cells = []
        for kind in kinds:
            spread = found[kind]["spread"][name]
            low, high = shown.format(spread["min"]), shown.format(spread["max"])
            cells.append(f"{shown.format(spread['median'])} ({low} to {high})")
        lines.append(f"| {label} | {' | '.join(cells)} |")
    peaks = [f"{found[kind]['peak_bytes'] / 1e6:.0f} MB" for kind in kinds]
    lines.append(f"| peak memory beyond the model | {' | '.join(peaks)} |")
    tokens = [f"{found[kind]['token_forwards']:,.0f}" for kind in kinds]
    lines.append(f"| token-forwards | {' | '.join(tokens)} |")
    checks = [f"{found[kind]['agreed']} of {found[kind]['checked']}" for kind in kinds]
    lines.append(f"| baselines' answers equal to ours | {' | '.join(checks)} |")
    if "choice_by_score" in found:
        lines += [
            "",
            f"A choice task by score against the paper's protocol of generating "
            f"{found['new_tokens']} tokens per pair: {found['choice_by_score']:,.0f} ×. "
            f"Distinct texts generated: {found['generate']['distinct_texts']}; where no history "
            f"is shared, the same takes {found['generate']['unshared_seconds']:.1f} s, "
            f"{found['generate']['unshared_over_floor']:.2f} × the floor.",
        ]
    if "babel" in found:
        babel = found["babel"]
        low, high = babel["share_range"]
        lines += [
            "",
            f"Babel, {babel['examples']} examples, whole grids by score: {babel['seconds']:.2f} s, "
            f"{babel['tokens_a_second']:,.0f} token-forwards a second, "
            f"{babel['share_of_dense']:.0%} ({low:.0%} to {high:.0%}) of the dense "
            "throughput; tokenising takes "
            f"{babel['tokenising_seconds']:.2f} s more. One example's 20 tokens: "
            f"{babel['generate_token_forwards']:,.0f} token-forwards, without sharing "
            f"{babel['generate_floor_token_forwards']:,.0f}.",
        ]
    return "\n".join(lines)


def _machine(given: argparse.Namespace) -> dict[str, Any]:
    device = given.device
    if device.startswith("cuda"):
        device = torch.cuda.get_device_name(device)
    return {
        "shape": given.weights or given.shape,
        "dtype": given.dtype,
        "device": device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
