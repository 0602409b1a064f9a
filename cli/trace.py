"""``xtp trace``: one example, one strategy, the whole grid."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from xtransplant.cli import flags as f

__all__ = ["trace"]


def trace(
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="Name, or path/to/file.py[:name].")
    ],
    model: f.Model = None,
    revision: f.Revision = None,
    dtype: f.Dtype = "auto",
    device_map: f.DeviceMap = None,
    tensor_parallel: f.TensorParallel = False,
    trust_remote_code: f.TrustRemoteCode = False,
    family: f.Family = None,
    source: Annotated[
        str | None, typer.Option(help="Prompt to read from: text, @FILE, or - for stdin.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Prompt to write into: text, @FILE, or - for stdin.")
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="An answer to score, spaces included; repeat it, or @FILE of lines.",
        ),
    ] = None,
    answer: Annotated[str | None, typer.Option(help="The right answer, spaces included.")] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Where the example comes from (xtp list tasks); babel by default."),
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language of the task; its first by default.")
    ] = None,
    example: Annotated[
        int | None, typer.Option(help="Number of the example, from 0; 0 by default.")
    ] = None,
    direction: f.DirectionFlag = None,
    split: Annotated[str | None, typer.Option(help="The task's first by default.")] = None,
    data_dir: f.DataDir = None,
    file: f.File = None,
    column: f.Columns = None,
    split_by: f.SplitBy = None,
    source_layers: Annotated[
        str, typer.Option(help="Layers to read: all, 3, 0,4,8 or 0:32:2 (end left out).")
    ] = "all",
    target_layers: Annotated[str, typer.Option(help="Layers to write, said alike.")] = "all",
    options: f.Options = None,
    score: Annotated[
        bool,
        typer.Option("--score", help="Score candidates (default, unless --generate is given)."),
    ] = False,
    generate: Annotated[
        bool, typer.Option("--generate", help="Generate a continuation in every cell.")
    ] = False,
    max_new_tokens: f.MaxNewTokens = 20,
    apply_chat_template: f.ChatTemplate = False,
    add_bos: f.AddBos = False,
    memory_budget: f.Budget = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Compare this grid with one variant at a time, at half precision with float32 "
            "too; exit 1 if it differs by more than rounding.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    save: Annotated[Path | None, typer.Option(help="Cells to FILE.parquet, .csv or .json.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Heatmap to FILE.png, .svg or .pdf.")] = None,
    on: f.On = "local",
    insecure: f.Insecure = False,
    debug: f.Debug = False,
    quiet: f.Quiet = False,
    verbose: f.Verbose = False,
) -> None:
    """Transplant at every layer pair, and show what the model answers.

    With no more than --strategy: the bundled task Babel and its model, Swahili, example 0.
    """
    from xtransplant.backends.where import parse_on, server_of
    from xtransplant.bench.config import ModelSpec
    from xtransplant.bench.unused import check_given, check_trace
    from xtransplant.model.distributed import rank
    from xtransplant.options import (
        check_layers,
        choose_example,
        parse_assignments,
        parse_bytes,
        parse_layers,
        where_from,
    )
    from xtransplant.strategies import check_verifiable, find_strategy
    from xtransplant.style.paths import PLOT_SUFFIXES, TABLE_SUFFIXES, checked_path

    # Everything that can be wrong is looked at before the model is loaded.
    chosen = find_strategy(strategy).with_options(parse_assignments(options or []))
    if verify:
        check_verifiable(chosen)
    check_layers(source_layers, "--source-layers")
    check_layers(target_layers, "--target-layers")
    data = where_from(data_dir, file, column or (), split_by=split_by)
    where = parse_on(on, insecure=insecure)
    spec = ModelSpec(model, revision, device_map=device_map, tensor_parallel=tensor_parallel)
    check_given(
        model=model, revision=revision, task=task, lang=lang, split=split, family=family,
        device_map=device_map, split_by=split_by,
    )  # fmt: skip
    only_run = {"--verify": verify, "--save": save, "--plot": plot, "--json": as_json}
    check_trace(
        spec, task, data, where, split=split, written=source is not None or target is not None,
        only_run=[flag for flag, given in only_run.items() if given],
    )  # fmt: skip
    item, bundled = choose_example(
        source=source,
        target=target,
        candidates=candidates or (),
        answer=answer,
        task=task,
        lang=lang,
        number=example,
        direction=direction,
        split=split,
        where=data,
    )
    budget = None if memory_budget is None else parse_bytes(memory_budget)
    from xtransplant.cli.console import Lines, print_dry_trace, progress, quieten, results

    name = model or bundled
    server = server_of(where, say=Lines(quiet=quiet).note)
    if name is None:
        raise typer.BadParameter("no model for these prompts: name one, --model REPOSITORY|FOLDER")
    if save is not None:
        checked_path(save, TABLE_SUFFIXES, "--save")
    if plot is not None:
        checked_path(plot, PLOT_SUFFIXES, "--plot")

    with progress(f"loading {name}", quiet=quiet, verbose=verbose):
        if not verbose:
            quieten()
        from xtransplant.engine.ask.memory import keep_freed_memory
        from xtransplant.grid.check import verify_grid
        from xtransplant.grid.frame import grid_json, save_grid
        from xtransplant.grid.transplant import transplant
        from xtransplant.model.load import load

        keep_freed_memory()
        loaded = load(
            name,
            server=server,
            revision=revision,
            dtype=dtype,
            device_map=device_map,
            tensor_parallel=tensor_parallel,
            trust_remote_code=trust_remote_code,
            family=family,
            add_bos=add_bos,
        )
    from_layers = parse_layers(source_layers, loaded.n_layers, "--source-layers")
    to_layers = parse_layers(target_layers, loaded.n_layers, "--target-layers")
    if where.kind == "dry":
        from xtransplant.bench.dry_trace import dry_trace

        found = dry_trace(
            loaded, item, chosen, source_layers=from_layers, target_layers=to_layers,
            generations=generate, max_new_tokens=max_new_tokens, chat_template=apply_chat_template,
        )  # fmt: skip
        print_dry_trace(found)
        return
    with progress(f"running {chosen} at every layer pair", quiet=quiet, verbose=verbose):
        grid = transplant(
            loaded,
            item,
            chosen,
            source_layers=from_layers,
            target_layers=to_layers,
            scores=score or bool(candidates) or not generate,
            generations=generate,
            max_new_tokens=max_new_tokens,
            chat_template=apply_chat_template,
            memory_budget=budget,
        )
    with ExitStack() as files:
        # Written also where standard output cannot be, and printed also where no file can be. The
        # other processes of a split model have the same grid, and say and write nothing.
        if plot is not None and not rank():
            files.callback(grid.plot, plot)
        if save is not None and not rank():
            files.callback(save_grid, grid, save)
        if as_json:
            typer.echo(grid_json(grid))
        else:
            results().print(grid)
    if verify:
        with progress("verifying, one variant at a time", quiet=quiet, verbose=verbose):
            checked = verify_grid(loaded, grid, chosen, chat_template=apply_chat_template)
        # Where stdout is to be one JSON document, this line must not follow it.
        typer.echo(checked.summary, err=as_json)
        if not checked.agrees:
            raise typer.Exit(1)
