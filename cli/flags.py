"""Flags that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

__all__ = [
    "AcceptVersions", "AddBos",
    "Budget", "ChatTemplate", "Columns", "ConfigFile", "DataDir", "Debug", "DeviceMap",
    "Direction", "DirectionFlag", "Dtype", "Family", "File", "Fresh", "Insecure", "Jobs", "Langs",
    "Level", "Limit", "LogSamples", "MaxNewTokens", "Misaligned", "Mode", "ModeFlag", "Model", "On",
    "Options", "OutputPath", "Quiet", "Revision", "Runs", "Seed", "SplitBy", "Strategies", "Tasks",
    "TensorParallel", "TrustRemoteCode", "Verbose", "Workers",
]  # fmt: skip

Direction = Literal["en-to-lang", "lang-to-en"]
Mode = Literal["score", "generate"]
Level = Literal["strict", "match", "lenient"]


def _configured(context: typer.Context, name: str | None) -> str | None:
    if name is not None:
        from xtransplant.bench.settings import read_config

        flags: list[Any] = [param.name for param in context.command.params]
        context.default_map = {**(context.default_map or {}), **read_config(name, flags)}
    return name


Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Hub repository or folder; the task's own by default."),
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit.")]
Dtype = Annotated[str, typer.Option(help="auto, float32, float16, bfloat16 or float64.")]
DeviceMap = Annotated[str | None, typer.Option(help="Such as auto or cuda:0; CPU by default.")]
TensorParallel = Annotated[
    bool,
    typer.Option(
        "--tensor-parallel", help="Split each layer over torchrun's processes (docs/remote.md)."
    ),
]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that comes with the checkpoint.")
]
Family = Annotated[
    str | None, typer.Option(help="Known family laid out alike, or a table's JSON file.")
]
AddBos = Annotated[
    bool,
    typer.Option(
        "--add-bos", help="Begin prompts with the checkpoint's BOS; its tokenizer does not."
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("-S", metavar="NAME=VALUE", help="Option of the strategy; repeat it."),
]
Budget = Annotated[
    str | None,
    typer.Option(metavar="BYTES", help="What the work may take beyond the model, e.g. 2G."),
]
MaxNewTokens = Annotated[int, typer.Option(min=1, help="Of each continuation.")]
ChatTemplate = Annotated[
    bool, typer.Option("--apply-chat-template", help="Pass both prompts through it.")
]
DirectionFlag = Annotated[
    Direction | None, typer.Option(help="en-to-lang or lang-to-en; the task's own by default.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but results.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="What libraries say, too.")]

On = Annotated[
    str,
    typer.Option("--on", help="local, ndif, ndif:URL, ray, ray:ADDRESS or dry (docs/remote.md)."),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Take plain http to another machine (all can read it).")
]
Workers = Annotated[int | None, typer.Option(help="Of --on ray; one per GPU, else per two cores.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", help="Of --on ndif: how many are under way at once; 4 by default."),
]
ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        is_eager=True,
        callback=_configured,
        help="YAML file of flags, or a name such as paper-culture; the command line wins.",
    ),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", "-t", help="Name (xtp list tasks); repeat it, or use commas."),
]
Strategies = Annotated[
    list[str] | None,
    typer.Option("--strategy", "-s", help="Name, or path/to/file.py[:name]; repeat it."),
]
Langs = Annotated[
    list[str] | None,
    typer.Option("--langs", "-l", help="Codes, between commas; all by default."),
]
ModeFlag = Annotated[
    Mode | None,
    typer.Option(help="score candidates, or generate text; the task's own by default."),
]
Limit = Annotated[int | None, typer.Option(help="The first so many examples of each language.")]
Seed = Annotated[
    int | None, typer.Option(help="Of the pilot sample, where the data have none; 0 by default.")
]
SplitBy = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Of that file: the column that names each row's split."),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder in the paper's layout, or of clones of the hub's datasets."),
]
File = Annotated[Path | None, typer.Option(help="Of task file: .jsonl, .csv or .parquet.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="WHAT=COLUMN", help="Of that file, e.g. answer=gold."),
]
Misaligned = Annotated[
    bool,
    typer.Option("--allow-misaligned", help="Run languages whose prompts are not the same items."),
]
LogSamples = Annotated[
    bool, typer.Option(help="Store prompts and outputs; without them nothing can be rescored.")
]
OutputPath = Annotated[Path, typer.Option("--output-path", "-o", help="Folder of runs.")]
Fresh = Annotated[
    bool, typer.Option("--fresh/--resume", help="Begin a new run; by default go on with it.")
]
AcceptVersions = Annotated[
    bool,
    typer.Option(
        "--accept-versions", help="Go on with a run under other versions of software; it says so."
    ),
]
Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")]
