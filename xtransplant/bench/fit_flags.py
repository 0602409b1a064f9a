"""The flags of ``xtp fit``, as those of the other verbs: :mod:`xtransplant.bench.flags`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from xtransplant.bench.flags import (
    AddBos,
    ChatTemplate,
    DataFlags,
    Debug,
    DirectionFlag,
    Flag,
    Insecure,
    Limit,
    LoadFlags,
    LogFile,
    Model,
    On,
    Quiet,
    Seed,
    Verbose,
)

__all__ = ["FitFlags"]


@dataclass(frozen=True)
class FitFlags:
    """Of ``xtp fit``."""

    output_path: Annotated[
        Path, Flag("Folder of the fit, which -S fit=FOLDER names.", ("--output-path", "-o"))
    ]
    task: Annotated[
        list[str],
        Flag("Name (xtp list tasks); repeat it, or use commas.", ("--task", "--tasks", "-t")),
    ] = field(default_factory=list)
    model: Model = None
    langs: Annotated[
        list[str], Flag("Codes, between commas; all by default.", ("--langs", "-l"))
    ] = field(default_factory=list)
    split: Annotated[str, Flag("What it is fitted to.")] = "pilot"
    limit: Limit = None
    last: Annotated[int | None, Flag("The last so many examples of each language.")] = None
    options: Annotated[
        list[str], Flag("Option of the fit (xtp show); repeat it.", ("-S",), metavar="NAME=VALUE")
    ] = field(default_factory=list)
    direction: DirectionFlag = None
    seed: Seed = None
    data: DataFlags = field(default_factory=DataFlags)
    apply_chat_template: ChatTemplate = False
    add_bos: AddBos = False
    allow_misaligned: Annotated[
        bool, Flag("Take languages whose prompts are not the same items.", ("--allow-misaligned",))
    ] = False
    on: On = "local"
    insecure: Insecure = False
    load: LoadFlags = field(default_factory=LoadFlags)
    log_file: LogFile = None
    debug: Debug = False
    quiet: Quiet = False
    verbose: Verbose = False
