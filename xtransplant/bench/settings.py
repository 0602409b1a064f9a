"""A bench from the texts of a command line or a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.flags import BenchFlags, PilotFlags
from xtransplant.bench.unused import check_data, check_given
from xtransplant.errors import XTransplantError, one_line
from xtransplant.options import parse_assignments, parse_bytes
from xtransplant.tasks.data import parse_data_source
from xtransplant.text import read_text

__all__ = ["config_from", "config_names", "read_config"]


def config_from(flags: BenchFlags | PilotFlags) -> Config:
    """The configuration that flags say; several names may stand in one, between commas.

    Raises:
        XTransplantError: text that means nothing, a folder or file that is not there, or a flag
            that would do nothing.
    """
    what, data, run, load = flags.what, flags.data, flags.run, flags.load
    check_given(
        task=what.task, strategy=what.strategy, model=what.model, revision=load.revision,
        device_map=load.device_map, family=load.family, langs=what.langs, pairs=flags.pairs,
        split=flags.split, split_by=data.split_by,
    )  # fmt: skip
    source = parse_data_source(
        data.data_dir, data.file, data.column, flags.seed or 0, data.split_by
    )
    tasks = _names(what.task)
    check_data(tasks, source, flags.split, flags.seed)
    return Config(
        tasks=tasks,
        strategies=_names(what.strategy),
        model=ModelSpec.of(what.model, load, add_bos=run.add_bos),
        langs=_names(what.langs),
        pairs=flags.pairs,
        options=tuple(parse_assignments(run.options).items()),
        direction=flags.direction,
        mode=flags.mode,
        split=flags.split,
        limit=flags.limit,
        data=source,
        max_new_tokens=run.max_new_tokens,
        chat_template=run.apply_chat_template,
        allow_misaligned=run.allow_misaligned,
        log_samples=run.log_samples,
        memory_budget=None if flags.memory_budget is None else parse_bytes(flags.memory_budget),
    )


def config_names() -> tuple[str, ...]:
    """Names of the configurations that come with the package."""
    folder = files("xtransplant.benchmarks") / "configs"
    return tuple(sorted(p.name.removesuffix(".yaml") for p in folder.iterdir()))


def read_config(name: str, flags: Sequence[str]) -> dict[str, Any]:
    """Values by flag, from a YAML file or a configuration that comes with the package.

    Args:
        flags: what a key may be, with underscores; a file may write hyphens.

    Raises:
        XTransplantError: no such file, no YAML, or a key that is no flag.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if name not in config_names():
            raise XTransplantError(
                f"--config {name!r} is no .yaml file, and none of {', '.join(config_names())}"
            )
        text = (files("xtransplant.benchmarks") / "configs" / f"{name}.yaml").read_text("utf-8")
    else:
        try:
            text = read_text(path)
        except FileNotFoundError:
            raise XTransplantError(f"--config {name!r} cannot be read: no such file") from None
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        why = one_line(error)
        raise XTransplantError(f"--config {name!r} is no YAML: {why}") from error
    if not isinstance(document, dict):
        raise XTransplantError(f"--config {name!r} should hold flags and values, as in: task: xnli")
    found: dict[str, Any] = {}
    for key, value in document.items():
        # YAML 1.1 reads the key `on` as yes.
        flag = "on" if key is True else str(key).replace("-", "_")
        if flag == "S":
            if not isinstance(value, dict):
                raise XTransplantError(
                    f"--config {name!r}: S {value!r:.60} should hold options, as in: S: "
                    "{weight: 0.5}"
                )
            found["options"] = [f"{k}={v}" for k, v in value.items()]
            continue
        if flag not in flags:
            near = get_close_matches(flag, flags, n=1)
            hint = f" (nearest: {near[0].replace('_', '-')})" if near else ""
            raise XTransplantError(f"--config {name!r}: no flag {key!r}{hint}")
        found[flag] = value
    for flag in ("task", "strategy", "langs", "column", "options"):
        if flag in found and not isinstance(found[flag], list):
            found[flag] = [found[flag]]
    return found


def _names(texts: Sequence[str]) -> tuple[str, ...]:
    parts = [part.strip() for text in texts for part in str(text).split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))
