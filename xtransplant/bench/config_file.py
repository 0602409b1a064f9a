"""``--config``: flags from a YAML file, or from one that comes with the package."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from xtransplant.errors import XTransplantError, one_line
from xtransplant.text import read_text

__all__ = ["config_names", "read_config"]

_LISTS = {"task", "strategy", "langs", "column", "options"}  # flags that may be repeated


def config_names() -> tuple[str, ...]:
    """Names of the configurations that come with the package."""
    folder = files("xtransplant.benchmarks") / "configs"
    return tuple(sorted(p.name.removesuffix(".yaml") for p in folder.iterdir()))


def read_config(name: str, flags: Sequence[str]) -> dict[str, Any]:
    """Values by flag, from a YAML file or a configuration that comes with the package.

    Args:
        name: its name or path.
        flags: what a key may be, with underscores; a file may write hyphens.

    Raises:
        XTransplantError: no such file, no YAML, or a key that is no flag.
    """
    try:
        document = yaml.safe_load(_read(name))
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
            found["options"] = _options(name, value)
        elif flag in flags:
            found[flag] = value
        else:
            near = get_close_matches(flag, flags, n=1)
            hint = f" (nearest: {near[0].replace('_', '-')})" if near else ""
            raise XTransplantError(f"--config {name!r}: no flag {key!r}{hint}")
    for flag in _LISTS & found.keys():
        if not isinstance(found[flag], list):
            found[flag] = [found[flag]]
    return found


def _read(name: str) -> str:
    """The text of a file, or of a configuration that comes with the package."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        try:
            return read_text(path)
        except FileNotFoundError:
            raise XTransplantError(f"--config {name!r} cannot be read: no such file") from None
    if name not in config_names():
        raise XTransplantError(
            f"--config {name!r} is no .yaml file, and none of {', '.join(config_names())}"
        )
    return (files("xtransplant.benchmarks") / "configs" / f"{name}.yaml").read_text("utf-8")


def _options(name: str, value: object) -> list[str]:
    """A strategy's options, as ``-S`` takes them."""
    if not isinstance(value, dict):
        raise XTransplantError(
            f"--config {name!r}: S {value!r:.60} should hold options, as in: S: {{weight: 0.5}}"
        )
    return [f"{option}={given}" for option, given in value.items()]
