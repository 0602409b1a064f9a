"""A run as lm-evaluation-harness writes its results: a folder for each system.

    SYSTEM/results_DATE.json         every task: accuracies with errors, configuration
    SYSTEM/samples_TASK_DATE.jsonl   an example a line: document, request, response, metrics

``lm_eval.result_schema`` says what the keys are. A task is a task in one language, named as in
``xtp report --format json``; all languages together are its group. What there is no key for stands
under ``xtransplant``. Whether a candidate is what greedy decoding would say is not stored: the
second half of each response is ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xtransplant.files import open_atomically, write_atomically
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
from xtransplant.runs.manifest import Manifest
from xtransplant.runs.names import plain_name
from xtransplant.runs.read import stored_parts
from xtransplant.runs.store import Run
from xtransplant.stats.rates import Rate
from xtransplant.style.escape import json_text
from xtransplant.style.words import model_label
from xtransplant.text import text_digest

__all__ = ["write_lm_eval"]


def write_lm_eval(
    run: Run, summary: Summary, tasks: Sequence[SystemTask], folder: Path, *, samples: bool
) -> Iterator[Path]:
    """Write a run's systems, each into a folder of its own.

    Args:
        run: on disk.
        summary: the same counted.
        tasks: of it.
        folder: of all its systems.
        samples: what was answered too, not the numbers alone.
    """
    by_key: dict[str, list[tuple[SystemTask, System]]] = {}
    for one in tasks:
        for system in one.systems:
            by_key.setdefault(system.row.key, []).append((one, system))
    date = started(summary).strftime("%Y-%m-%dT%H-%M-%S")
    for members in by_key.values():
        path = folder / system_name(summary, members[0][1]) / f"results_{date}.json"
        with write_atomically(path) as temporary:
            temporary.write_text(json_text(_results(summary, members)) + "\n", "utf-8")
        yield path
    for one in tasks if samples else ():
        for lang in one.task.languages:
            yield from _write_samples(run, summary, one, lang, folder, date)


def _write_samples(
    run: Run, summary: Summary, one: SystemTask, lang: str, folder: Path, date: str
) -> Iterator[Path]:
    """A file for each system, part by part, so that memory holds one."""
    task = _task_name(one, lang)
    paths = {
        system.row.key: folder / system_name(summary, system) / f"samples_{task}_{date}.jsonl"
        for system in one.systems
        if lang in system.row.rates
    }
    with open_atomically(paths) as files:
        max_tokens = summary.manifest.config.get("max_new_tokens")
        for part in stored_parts(run, one.task.name, lang):
            for system, found in part_samples(run, part, one.systems):
                for sample in found:
                    line = json_text(_line(sample, max_tokens), one_line=True)
                    files[system.row.key].write(line + "\n")
    yield from paths.values()


def _task_name(one: SystemTask, lang: str) -> str:
    """In a file's name too; a date follows it after ``_``."""
    return plain_name(f"{one.subject.name}_{lang}")


def _line(sample: Sample, max_tokens: Any) -> dict[str, Any]:
    document = {
        "id": sample.id, "lang": sample.lang, "source": sample.source, "target": sample.target,
        "candidates": list(sample.candidates), "options": list(sample.options),
        "answers": list(sample.answers),
    }  # fmt: skip
    gold = sample.answers[0] if sample.answers else ""
    asked: list[list[Any]]
    if sample.output is None:
        asked = [[sample.prompt, candidate] for candidate in sample.candidates]
        responses = [[str(value), "None"] for value in sample.logprobs]
        raw: list[Any] = [[one] for one in responses]
        filtered: list[Any] = responses
    else:
        settings = {"until": [], "do_sample": False, "max_gen_toks": max_tokens}
        asked, raw, filtered = [[sample.prompt, settings]], [[sample.output]], [sample.output]
    metrics = {METRICS[level]: float(sample.right(level)) for level in METRICS}
    return {
        "doc_id": sample.number, "doc": document, "target": gold,
        "arguments": {
            f"gen_args_{k}": {f"arg_{m}": value for m, value in enumerate(one)}
            for k, one in enumerate(asked)
        },
        "resps": raw, "filtered_resps": filtered, "filter": "none", "metrics": list(metrics),
        "doc_hash": text_digest(json_text(document)), "prompt_hash": text_digest(sample.prompt),
        "target_hash": text_digest(gold), **metrics, **_measured(sample),
    }  # fmt: skip


def _measured(sample: Sample) -> dict[str, float]:
    """Further numbers of a record; the format takes no other values, and no null."""
    found = {name: float(sample.record[name]) for name in ("finite", "unchanged")}
    if sample.output is None:
        # Of how many candidates the response is an upper bound alone.
        found["bounds"] = float(sum(sample.record.get("bounds") or ()))
    margin = sample.record.get("margin")
    if margin is not None and math.isfinite(margin):
        found["margin"] = float(margin)
    return found


def _results(summary: Summary, members: Sequence[tuple[SystemTask, System]]) -> dict[str, Any]:
    manifest, system = summary.manifest, members[0][1]
    results: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    found: dict[str, Any] = {
        "results": results, "groups": groups, "group_subtasks": {}, "configs": {}, "versions": {},
        "n-shot": {}, "higher_is_better": {}, "n-samples": {},
    }  # fmt: skip
    for one, own in members:
        entry, group = manifest.tasks[one.task.name], one.subject.name
        langs = list(own.row.rates)
        found["group_subtasks"][group] = [_task_name(one, lang) for lang in langs]
        for lang in langs:
            name = _task_name(one, lang)
            results[name] = _metrics(name, {at: row.rates[lang] for at, row in own.rows.items()})
            found["configs"][name] = _config(manifest, one, own, name)
            found["n-samples"][name] = {
                "original": entry.languages[lang].n, "effective": own.row.rates[lang].n,
            }  # fmt: skip
        groups[group] = _metrics(group, {level: row.micro for level, row in own.rows.items()})
        results[group] = groups[group]
        for name in (*found["group_subtasks"][group], group):
            found["versions"][name] = entry.version
            found["n-shot"][name] = own.shots
            found["higher_is_better"][name] = dict.fromkeys(METRICS.values(), True)
    return {**found, **_about_model(summary, system), "xtransplant": {
        one.subject.name: about(summary, one, own) for one, own in members
    }}  # fmt: skip


def _metrics(name: str, rates: dict[str, Rate]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "alias": name, "sample_len": rates["match"].n}
    for level, rate in rates.items():
        numbers = rate_numbers(rate)
        if numbers["value"] is not None:
            found[f"{METRICS[level]},none"] = numbers["value"]
            stderr = numbers["stderr"]
            found[f"{METRICS[level]}_stderr,none"] = "N/A" if stderr is None else stderr
    return found


def _config(manifest: Manifest, one: SystemTask, system: System, name: str) -> dict[str, Any]:
    entry = manifest.tasks[one.task.name]
    scored = one.task.mode == "score"
    return {
        "task": name, "group": one.subject.name, "dataset_name": one.task.name,
        "test_split": entry.split, "output_type": "multiple_choice" if scored else "generate_until",
        "metric_list": [
            {"metric": metric, "aggregation": "mean", "higher_is_better": True}
            for metric in METRICS.values()
        ],
        "num_fewshot": system.shots, "repeats": 1, "metadata": {"version": entry.version},
    }  # fmt: skip


def _about_model(summary: Summary, system: System) -> dict[str, Any]:
    manifest, model = summary.manifest, summary.manifest.model
    given = {"pretrained": model["name"], "revision": model.get("revision"),
             "dtype": model.get("dtype")}  # fmt: skip
    return {
        "config": {
            "model": "hf",
            "model_args": ",".join(f"{key}={value}" for key, value in given.items() if value),
            "batch_size": model.get("batch_size"), "device": model.get("device"),
            "limit": manifest.config.get("limit"), "bootstrap_iters": 0,
        },
        "date": started(summary).timestamp(),
        "transformers_version": manifest.versions.get("transformers"),
        # Not the checkpoint alone, whose results these are not.
        "model_source": "hf", "model_name": f"{model_label(model['name'])},{system.row.key}",
        "model_name_sanitized": system_name(summary, system),
        "chat_template": None, "fewshot_as_multiturn": False, "system_instruction": None,
    }  # fmt: skip
