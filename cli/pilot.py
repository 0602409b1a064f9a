"""``xtp pilot``: choose pairs on the pilot split, apply them to the unseen one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xtransplant.cli import flags as f

__all__ = ["pilot"]


def pilot(
    config: f.ConfigFile = None,
    task: f.Tasks = None,
    strategy: f.Strategies = None,
    model: f.Model = None,
    langs: f.Langs = None,
    pairs: Annotated[
        str, typer.Option(help="To choose from: overall, source-last, target-first, diagonal.")
    ] = "overall",
    across: Annotated[
        bool, typer.Option("--across", help="One pair for all languages of a task.")
    ] = False,
    split: Annotated[str, typer.Option(help="Where pairs are chosen.")] = "pilot",
    apply_to: Annotated[str, typer.Option(help="Where they are applied.")] = "unseen",
    upper_bound: Annotated[
        bool, typer.Option("--upper-bound", help="Run every pair there too.")
    ] = False,
    direction: f.DirectionFlag = None,
    mode: f.ModeFlag = None,
    limit: f.Limit = None,
    seed: f.Seed = None,
    data_dir: f.DataDir = None,
    file: f.File = None,
    column: f.Columns = None,
    split_by: f.SplitBy = None,
    options: f.Options = None,
    max_new_tokens: f.MaxNewTokens = 20,
    apply_chat_template: f.ChatTemplate = False,
    add_bos: f.AddBos = False,
    allow_misaligned: f.Misaligned = False,
    log_samples: f.LogSamples = True,
    output_path: f.OutputPath = Path("runs"),
    fresh: f.Fresh = False,
    accept_versions: f.AcceptVersions = False,
    on: f.On = "local",
    workers: f.Workers = None,
    jobs: f.Jobs = None,
    insecure: f.Insecure = False,
    revision: f.Revision = None,
    dtype: f.Dtype = "auto",
    device_map: f.DeviceMap = None,
    tensor_parallel: f.TensorParallel = False,
    trust_remote_code: f.TrustRemoteCode = False,
    family: f.Family = None,
    memory_budget: f.Budget = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
    debug: f.Debug = False,
    quiet: f.Quiet = False,
    verbose: f.Verbose = False,
) -> None:
    """Choose a pair per language on the pilot split, write it down, apply it to the unseen split.

    Most correct wins; ties: smallest target layer, then largest source layer.
    """
    from xtransplant.backends.registry import parse_on
    from xtransplant.bench.settings import config_from
    from xtransplant.bench.unused import check_bench

    chosen = config_from(
        task=task or (), strategy=strategy or (), model=model, revision=revision, dtype=dtype,
        device_map=device_map, tensor_parallel=tensor_parallel, family=family,
        trust_remote_code=trust_remote_code, add_bos=add_bos,
        langs=langs or (), pairs=pairs, options=options or (), direction=direction, mode=mode,
        split=split, limit=limit, seed=seed, data_dir=data_dir, file=file, column=column or (),
        split_by=split_by,
        max_new_tokens=max_new_tokens, apply_chat_template=apply_chat_template,
        allow_misaligned=allow_misaligned, log_samples=log_samples, memory_budget=memory_budget,
    )  # fmt: skip
    backend = parse_on(on, insecure=insecure, jobs=jobs, workers=workers)
    check_bench(chosen, backend)

    from xtransplant.cli.console import Lines, print_runs, ready

    lines = Lines(quiet=quiet)
    ready(verbose=verbose)
    from xtransplant.bench.pilot import pilot as run_pilot

    done = run_pilot(
        chosen, output_path, apply_to=apply_to, across=across, upper_bound=upper_bound,
        fresh=fresh, say=lines.say, watch=lines.watch, note=lines.note,
        backend=backend, accept_versions=accept_versions,
    )  # fmt: skip
    lines.say(f"pairs in {done.written}")
    for run in done.runs:
        lines.say(f"records in {run.path}")
    print_runs([run.path for run in done.runs if run is not done.first], as_json=as_json)
