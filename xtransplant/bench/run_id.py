"""The id of a run: a hash of what a bench's numbers depend on, every default resolved.

Giving an option its default changes nothing here, nor does what no number depends on: where it
runs, how much memory it may take, the most new tokens of candidates that are scored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.fitted import identity_of
from xtransplant.bench.model_digests import file_digests
from xtransplant.bench.pairs import Chosen, Pairs, list_pairs
from xtransplant.bench.task_plan import TaskPlan
from xtransplant.errors import XTransplantError
from xtransplant.model.checkpoint import find_checkpoint
from xtransplant.runs.manifest import SCHEMA
from xtransplant.strategies import Strategy
from xtransplant.tasks.load import examples_digest
from xtransplant.tasks.nulls import NullGrid
from xtransplant.tasks.task import Task
from xtransplant.text import text_digest

__all__ = ["run_id"]

# Of a configuration: what stands elsewhere in the identity, resolved, or bears on no number.
_ELSEWHERE = (
    "tasks", "strategies", "model", "langs", "pairs", "source_layers", "target_layers", "options",
    "direction", "mode", "split", "limit", "only", "data", "max_new_tokens", "allow_misaligned",
    "memory_budget", "batch_size", "exact_scores", "baselines", "sources", "nulls",
)  # fmt: skip
_OF_PLACE = ("device_map", "trust_remote_code", "tensor_parallel")
_LATER = ("gguf_file", "quantization")


def run_id(
    config: Config,
    tasks: Mapping[str, TaskPlan],
    strategies: Mapping[str, Strategy],
    pairs: Pairs,
    model: str,
    nulls: Sequence[NullGrid] = (),
) -> str:
    """SHA-256 over what the numbers of a bench depend on.

    The checkpoint's configuration is read for it, not its weights; these are compared when the
    model is loaded.

    Args:
        config: every setting of the bench.
        tasks: by name, with their examples.
        strategies: by name, their options bound.
        pairs: as ``--pairs`` names them, or those that were chosen.
        model: hub repository or folder.
        nulls: null grids of the strategies.

    Raises:
        XTransplantError: no such model, a family without a table, or a layer that it has not.
    """
    checkpoint = _checkpoint_config(config.model, model)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        **{name: value for name, value in asdict(config).items() if name not in _ELSEWHERE},
        "model": _model(config.model, model, checkpoint, [one.task for one in tasks.values()]),
        "strategies": {name: identity_of(one) for name, one in strategies.items()},
        "tasks": {name: _task(one, config) for name, one in tasks.items()},
        "pairs": _pairs(pairs, checkpoint, tasks, strategies, config) if strategies else [],
    }
    if config.only != "all":
        document["only"] = config.only
    if nulls:
        document["nulls"] = sorted(one.name for one in nulls)
    if any(one.null == "paraphrase" for one in nulls):
        document["paraphrases"] = {
            name: {lang: [one.paraphrase for one in own] for lang, own in task.examples.items()}
            for name, task in tasks.items()
        }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return text_digest(text)


def _task(plan: TaskPlan, config: Config) -> dict[str, Any]:
    """The examples themselves stand for the split, the limit, the seed and the file."""
    document: dict[str, Any] = {
        "version": plan.task.version, "direction": plan.direction, "split": plan.split,
        "mode": plan.mode,
        "data": {lang: examples_digest(found) for lang, found in plan.examples.items()},
    }  # fmt: skip
    if plan.mode == "generate":
        document["max_new_tokens"] = config.max_new_tokens
    elif config.exact_scores:
        document["exact_scores"] = True
    if plan.baselines:
        document["baselines"] = {
            one.name: {lang: examples_digest(shots) for lang, shots in one.shots.items()}
            for one in plan.baselines
        }
    return document


def _model(spec: ModelSpec, name: str, checkpoint: Any, tasks: list[Task]) -> dict[str, Any]:
    document = {key: value for key, value in asdict(spec).items() if key not in _OF_PLACE}
    # What came later is left out where it is not used: earlier runs go on.
    document = {key: v for key, v in document.items() if v is not None or key not in _LATER}
    document["name"], document["revision"] = name, spec.revision or "main"
    if find_checkpoint(name, spec.gguf_file).gguf_file is not None:
        # One file is all of the model, wherever it lies and whatever it is called.
        digests = file_digests(name, spec.revision, spec.gguf_file) or {}
        document["name"], document["revision"] = f"GGUF {' '.join(digests.values())}", None
        document.pop("gguf_file", None)
    elif Path(name).is_dir():
        folder = str(Path(name).resolve())
        own = {str(Path(t.checkpoint).resolve()): t.name for t in tasks if t.checkpoint is not None}
        # The task's own model is the same wherever the package is installed.
        document["name"] = f"of the task: {own[folder]}" if folder in own else folder
        document["revision"] = None
    if spec.dtype == "auto":
        dtype = getattr(checkpoint, "dtype", None)
        document["dtype"] = "auto" if dtype is None else str(dtype).removeprefix("torch.")
    document["family"] = _family(spec, name, checkpoint)
    return document


def _family(spec: ModelSpec, name: str, checkpoint: Any) -> Any:
    """A table given by hand, where it is another than the checkpoint's own."""
    from xtransplant.model.family_table import FAMILIES
    from xtransplant.model.resolve import resolve_family

    found = resolve_family(spec.family, checkpoint, name)
    return None if found == FAMILIES.get(checkpoint.model_type) else found.identity()


def _pairs(
    pairs: Pairs,
    checkpoint: Any,
    tasks: Mapping[str, TaskPlan],
    strategies: Mapping[str, Strategy],
    config: Config,
) -> Any:
    if isinstance(pairs, str):
        layers = config.source_layers, config.target_layers
        n_layers = getattr(checkpoint.get_text_config(), "num_hidden_layers", None)
        # A configuration that does not say how many layers there are leaves the text as it is.
        if n_layers is None:
            return pairs if layers == ("all", "all") else [pairs, *layers]
        return sorted(list_pairs(pairs, int(n_layers), *layers))
    return _chosen(pairs, tasks, strategies)


def _chosen(
    pairs: Chosen, tasks: Mapping[str, TaskPlan], strategies: Mapping[str, Strategy]
) -> list[Any]:
    return sorted(
        # A run whose pairs were chosen on its own examples is not the one that came by them fairly.
        [name, strategy, lang, *pairs.find(name, strategy, lang), pairs.in_sample(examples)]
        for name, one in tasks.items()
        for strategy in strategies
        for lang, examples in one.examples.items()
    )


def _checkpoint_config(spec: ModelSpec, name: str) -> Any:
    from xtransplant.model.failures import explain
    from xtransplant.model.gguf import read_config

    checkpoint, code = find_checkpoint(name, spec.gguf_file), spec.trust_remote_code
    try:
        return read_config(checkpoint, spec.revision, trusted=code)
    except XTransplantError:
        raise
    except Exception as error:
        raise explain(error, str(checkpoint), code) from error
