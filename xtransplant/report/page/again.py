"""How to see one cell again: the command, and the lines of Python, from a run's configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xtransplant.report.summary import Summary, TaskCounts
from xtransplant.style.escape import visible
from xtransplant.tasks.task import bundled_checkpoint

__all__ = ["load_lines", "more_options", "trace_words"]

_FLAGS = {
    "name": "-m", "gguf_file": "--gguf-file", "revision": "--revision", "family": "--family",
    "quantization": "--quantization",
}  # fmt: skip


def trace_words(summary: Summary, task: TaskCounts) -> list[str]:
    """``xtp trace`` with all that the run was told but strategy, language, example and layers."""
    config, words = summary.manifest.config, ["xtp", "trace"]
    model, where = _model(summary), config.get("where") or {}
    named = {**model, "name": "babel"} if _is_bundled(model) else model
    for name, flag in _FLAGS.items():
        if named.get(name):
            words += [flag, _text(named[name])]
    if model.get("dtype", "auto") != "auto":
        words += ["--dtype", model["dtype"]]
    words += ["--add-bos"] * bool(model.get("add_bos"))
    words += ["--trust-remote-code"] * bool(model.get("trust_remote_code"))
    for name, flag in (
        ("data_dir", "--data-dir"), ("file", "--file"), ("split_by", "--split-by"),
    ):  # fmt: skip
        if where.get(name):
            words += [flag, str(where[name])]
    if where.get("wide"):
        words += ["--wide", ",".join(where["wide"])]
    for column in where.get("columns") or ():
        words += ["--column", column if isinstance(column, str) else "=".join(column)]
    entry = summary.manifest.tasks[task.name]
    words += ["--task", task.name, "--split", task.split, "--direction", entry.direction]
    if task.mode == "generate":
        words += ["--generate", "--max-new-tokens", str(config.get("max_new_tokens", 20))]
    if config.get("sources"):
        words += ["--sources", ",".join(config["sources"])]
    words += ["--apply-chat-template"] * bool(config.get("chat_template"))
    return [visible(word) for word in words]


def load_lines(summary: Summary, task: TaskCounts) -> list[str]:
    """Python that loads the run's model as ``model``."""
    model = _model(summary)
    given = [
        f"{option}={_literal(model[option])}"
        for option in ("gguf_file", "revision", "dtype", "quantization", "add_bos")
        if model.get(option) and model[option] != "auto"
    ]
    if _is_bundled(model) or (not model.get("name") and task.name == "babel"):
        own = "from xtransplant.benchmarks.babel import CHECKPOINT"
        return [own, "", visible(f"model = xt.load({', '.join(['CHECKPOINT', *given])})")]
    name = model.get("name") or summary.manifest.model["name"]
    return ["", visible(f"model = xt.load({', '.join([_literal(name), *given])})")]


def more_options(summary: Summary, task: TaskCounts) -> str:
    """Further arguments of ``transplant``, each after a comma."""
    config, found = summary.manifest.config, ""
    if task.mode == "generate":
        found += f", generations=True, max_new_tokens={config.get('max_new_tokens', 20)}"
    return found + (", chat_template=True" if config.get("chat_template") else "")


def _model(summary: Summary) -> dict[str, Any]:
    """The flags that the model was loaded by; no name where it was the task's own."""
    found = summary.manifest.config.get("model")
    return found if isinstance(found, dict) else {"name": summary.manifest.model["name"]}


def _is_bundled(model: Mapping[str, Any]) -> bool:
    """Whether it is the model that comes with the package: elsewhere it lies in another folder."""
    return model.get("name") is not None and model["name"] == bundled_checkpoint("babel")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)
