"""A bench from the texts of a command line or a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.unused import check_data, check_given
from xtransplant.errors import XTransplantError, one_line
from xtransplant.options import parse_assignments, parse_bytes
from xtransplant.tasks.data import parse_data_source
from xtransplant.tasks.task import Direction
from xtransplant.text import read_text

__all__ = ["config_from", "config_names", "read_config"]


def config_from(
    *,
    task: Sequence[str],
    strategy: Sequence[str],
    model: str | None = None,
    revision: str | None = None,
    dtype: str = "auto",
    device_map: str | None = None,
    trust_remote_code: bool = False,
    family: str | None = None,
    tensor_parallel: bool = False,
    add_bos: bool = False,
    langs: Sequence[str] = (),
    pairs: str = "overall",
    options: Sequence[str] = (),
    direction: Direction | None = None,
    mode: Literal["score", "generate"] | None = None,
    split: str | None = None,
    limit: int | None = None,
    seed: int | None = None,
    data_dir: Path | None = None,
    file: Path | None = None,
    column: Sequence[str] = (),
    split_by: str | None = None,
    max_new_tokens: int = 20,
    apply_chat_template: bool = False,
    allow_misaligned: bool = False,
    log_samples: bool = True,
    memory_budget: str | None = None,
) -> Config:
    """The configuration that flags say; several names may stand in one, between commas.

    Raises:
        XTransplantError: text that means nothing, a folder or file that is not there, or a flag
            that would do nothing.
    """
    check_given(
        task=task, strategy=strategy, model=model, revision=revision, device_map=device_map,
        family=family, langs=langs, pairs=pairs, split=split, split_by=split_by,
    )  # fmt: skip
    data = parse_data_source(data_dir, file, column, seed or 0, split_by)
    tasks = _names(task)
    check_data(tasks, data, split, seed)
    return Config(
        tasks=tasks,
        strategies=_names(strategy),
        model=ModelSpec(
            model,
            revision,
            dtype,
            device_map,
            trust_remote_code,
            family,
            tensor_parallel,
            add_bos,
        ),
        langs=_names(langs),
        pairs=pairs,
        options=tuple(parse_assignments(options).items()),
        direction=direction,
        mode=mode,
        split=split,
        limit=limit,
        data=data,
        max_new_tokens=max_new_tokens,
        chat_template=apply_chat_template,
        allow_misaligned=allow_misaligned,
        log_samples=log_samples,
        memory_budget=None if memory_budget is None else parse_bytes(memory_budget),
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
