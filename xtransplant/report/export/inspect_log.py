"""A run as inspect's logs: an ``EvalLog`` in JSON, version 2, for each system and task.

    DATE_TASK-SYSTEM_ID.json

``inspect view --log-dir FOLDER`` shows them, ``inspect_ai.log.read_eval_log`` reads them, ``inspect
log convert`` makes ``.eval`` of them. A log has all languages of its task, with the accuracy in
each beside that over all; a score for each level of correctness; the strategy as its solver, with
the layer pair. What there is no field for stands in ``metadata``, of the log and of each sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from xtransplant.files import open_atomically
from xtransplant.report.export.samples import Sample, part_samples
from xtransplant.report.export.systems import (
    METRICS,
    System,
    SystemTask,
    about,
    rate_numbers,
    started,
    system_name,
)
from xtransplant.report.summary import Summary
from xtransplant.runs.names import plain_name
from xtransplant.runs.options import options_of
from xtransplant.runs.read import stored_parts
from xtransplant.runs.store import Run
from xtransplant.stats.rates import Rate
from xtransplant.style.escape import json_number, json_text
from xtransplant.style.words import model_label
from xtransplant.text import text_digest

__all__ = ["write_inspect"]

_VERSION = 2  # of the log's format
_RECORD = ("margin", "finite", "unchanged", "parsed", "chosen", "top_token", "bounds",
           "written_norms", "replaced_norms", "cosines", "set_match")  # fmt: skip


def write_inspect(
    run: Run, summary: Summary, tasks: Sequence[SystemTask], folder: Path, *, samples: bool
) -> Iterator[Path]:
    """Write a run's logs.

    Args:
        run: on disk.
        summary: the same counted.
        tasks: of it.
        folder: of all its logs.
        samples: what was answered too, not the numbers alone.
    """
    for one in tasks:
        paths = {system.row.key: folder / _log_name(summary, one, system) for system in one.systems}
        with open_atomically(paths) as files:
            logs = {key: _Log(file) for key, file in files.items()}
            for system in one.systems:
                logs[system.row.key].begin(_header(summary, one, system, samples), samples)
            for part in stored_parts(run, one.task.name, None) if samples else ():
                for system, found in part_samples(run, part, one.systems):
                    for sample in found:
                        logs[system.row.key].add(_sample(sample, summary))
            for log in logs.values():
                log.end()
        yield from paths.values()


class _Log:
    """A log being written, sample by sample: its samples are the last of its fields."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._between, self._end = file, "", "}\n"

    def begin(self, header: dict[str, Any], samples: bool) -> None:
        self._file.write(json_text(header).rstrip().removesuffix("}").rstrip())
        if samples:
            self._file.write(',\n "samples": [\n')
            self._end = "\n]}\n"

    def add(self, sample: dict[str, Any]) -> None:
        self._file.write(self._between + json_text(sample, one_line=True))
        self._between = ",\n"

    def end(self) -> None:
        self._file.write(self._end)


def _log_name(summary: Summary, one: SystemTask, system: System) -> str:
    """Begun by the time: by that inspect knows its logs, and lists them."""
    date = started(summary).strftime("%Y-%m-%dT%H-%M-%S+00-00")
    # The name of its task, as lists show it: "_" is what divides a log's name.
    task = plain_name(f"{one.subject.name}-{system_name(summary, system)}".replace("_", "-"))
    return f"{date}_{task.replace('_', '-')}_{_task_id(summary, one, system)}.json"


def _task_id(summary: Summary, one: SystemTask, system: System) -> str:
    """Logs with the same id would be taken for tries of one task."""
    return text_digest("\0".join((summary.manifest.id, one.subject.name, system.row.key)))[:22]


def _header(summary: Summary, one: SystemTask, system: System, samples: bool) -> dict[str, Any]:
    rates = {level: row.micro for level, row in system.rows.items()}
    n = rates["match"].n
    times = {
        "started_at": started(summary).isoformat(), "completed_at": summary.manifest.finished or "",
    }  # fmt: skip
    return {
        "version": _VERSION,
        "status": "success" if summary.complete else "started",
        "eval": _eval(summary, one, system, samples),
        "plan": _plan(summary, one, system),
        "results": {
            "total_samples": n, "completed_samples": n,
            "scores": [_score(system, level) for level in ("match", "strict", "lenient")],
        },
        "stats": times,
    }  # fmt: skip


def _eval(summary: Summary, one: SystemTask, system: System, samples: bool) -> dict[str, Any]:
    manifest, model = summary.manifest, summary.manifest.model
    entry, name = manifest.tasks[one.task.name], one.subject.name
    known = ("name", "revision", "dtype", "fingerprint", "tokenizer", "tokenizer_hash", "n_layers")
    task_id = _task_id(summary, one, system)
    return {
        "eval_id": task_id, "run_id": manifest.id[:22], "task_id": task_id,
        "created": started(summary).isoformat(),
        "task": name, "task_version": entry.version,
        "task_display_name": f"{name}: {system.row.key}",
        "task_args": {"direction": entry.direction, "split": entry.split, "mode": entry.mode,
                      "row": system.row.key},
        "solver": _solver(system), "solver_args": _cell(summary, system),
        "tags": ["xtransplant", *(["oracle"] if system.row.oracle else [])],
        "dataset": {"name": one.task.name, "samples": system.row.micro.n, "shuffled": False},
        "model": _model(summary),
        "model_args": {key: model[key] for key in known if model.get(key) is not None},
        "config": {"limit": manifest.config.get("limit"), "epochs": 1, "log_samples": samples},
        "packages": manifest.versions,
        "metadata": {"xtransplant": about(summary, one, system)},
        "scorers": [
            {"name": level, "metrics": [{"name": "accuracy"}, {"name": "stderr"}]}
            for level in METRICS
        ],
    }  # fmt: skip


def _model(summary: Summary) -> str:
    return f"hf/{model_label(summary.manifest.model['name'])}"


def _solver(system: System) -> str:
    """What makes the answers: the strategy, or which prompt is read."""
    return f"xtransplant/{system.row.strategy or system.row.key}"


def _cell(summary: Summary, system: System) -> dict[str, Any]:
    if not system.row.strategy:
        return {}
    return {"layer_pairs": {lang: list(system.pair(lang)) for lang in system.row.rates},
            "options": options_of(summary.manifest, system.row.strategy)}  # fmt: skip


def _plan(summary: Summary, one: SystemTask, system: System) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if one.task.mode == "generate":
        # Decoding is greedy.
        config = {"max_tokens": summary.manifest.config.get("max_new_tokens"), "temperature": 0.0}
    steps = [{"solver": _solver(system), "params": _cell(summary, system)}]
    return {"name": "plan", "steps": steps, "config": config}


def _score(system: System, level: str) -> dict[str, Any]:
    row = system.rows[level]
    metrics = _metrics(row.micro) | {
        lang: {"name": lang, "group": "languages", "value": value, "metadata": numbers}
        for lang, rate in row.rates.items()
        if (value := (numbers := rate_numbers(rate))["value"]) is not None
    }
    return {
        "name": level, "scorer": level, "scored_samples": row.micro.n, "unscored_samples": 0,
        "metrics": metrics, "metadata": rate_numbers(row.micro),
    }  # fmt: skip


def _metrics(rate: Rate) -> dict[str, Any]:
    """What is not a number is left out: the format has no null there."""
    numbers = {"accuracy": json_number(rate.value), "stderr": json_number(rate.stderr)}
    return {
        name: {"name": name, "value": value} for name, value in numbers.items() if value is not None
    }


def _sample(sample: Sample, summary: Summary) -> dict[str, Any]:
    model = _model(summary)
    said = {"role": "assistant", "content": sample.said, "source": "generate", "model": model}
    record = {name: sample.record[name] for name in _RECORD if sample.record.get(name) is not None}
    metadata: dict[str, Any] = {
        "id": sample.id, "lang": sample.lang, "source_prompt": sample.source,
        "target_prompt": sample.target, **_finite(record),
    }  # fmt: skip
    if sample.output is None:
        # Of the choices, in nats; none of them was sampled.
        metadata["logprobs"] = [json_number(value) for value in sample.logprobs]
    return {
        "id": f"{sample.lang}/{sample.number}", "epoch": 1, "input": sample.prompt,
        "choices": list(sample.candidates if sample.output is None else sample.options) or None,
        "target": list(sample.answers),
        "messages": [{"role": "user", "content": sample.prompt, "source": "input"}, said],
        "output": {"model": model, "choices": [{"message": said, "stop_reason": "unknown"}],
                   "completion": sample.said},
        "scores": {
            level: {"value": "C" if sample.right(level) else "I", "answer": sample.said}
            for level in METRICS
        },
        "metadata": metadata,
    }  # fmt: skip


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """A record with null for what JSON cannot express."""
    return {
        name: [one if isinstance(one, bool) else json_number(one) for one in value]
        if isinstance(value, list)
        else json_number(value) if isinstance(value, float) else value
        for name, value in record.items()
    }  # fmt: skip
