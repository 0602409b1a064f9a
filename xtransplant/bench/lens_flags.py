"""The flags of ``xtp lens``: texts as a user gives them; ``bench.lens`` parses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from xtransplant.bench.flags import (
    STRATEGY,
    AddBos,
    ChatTemplate,
    Debug,
    Flag,
    LoadFlags,
    LogFile,
    Model,
    Options,
    Quiet,
    Verbose,
)
from xtransplant.bench.trace_flags import PromptFlags

__all__ = ["LensFlags"]


@dataclass(frozen=True)
class LensFlags:
    """Of ``xtp lens``."""

    strategy: Annotated[str, Flag(f"{STRATEGY}.", ("--strategy", "-s"))]
    pair: Annotated[
        str, Flag("Source and target layer, as in 12:11; -1 is the last.", metavar="I:J")
    ]
    model: Model = None
    load: LoadFlags = field(default_factory=LoadFlags)
    prompt: PromptFlags = field(default_factory=PromptFlags)
    options: Options = field(default_factory=list)
    apply_chat_template: ChatTemplate = False
    add_bos: AddBos = False
    as_json: Annotated[bool, Flag("Print one JSON document.", ("--json",))] = False
    plot: Annotated[Path | None, Flag("Lines to FILE.png, .svg or .pdf.")] = None
    log_file: LogFile = None
    debug: Debug = False
    quiet: Quiet = False
    verbose: Verbose = False
