"""The card of a run as a data set: YAML that the hub reads, and what people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from xtransplant.report.formats import grids_to_markdown, text_grids
from xtransplant.report.summary import Summary
from xtransplant.report.tables import make_tables
from xtransplant.runs.checksums import KINDS
from xtransplant.runs.manifest import Manifest, Part, task_folder
from xtransplant.runs.names import path_name, plain_name
from xtransplant.runs.store import Run
from xtransplant.style.escape import escape_markdown
from xtransplant.style.words import model_label

__all__ = ["make_card"]

_TAGS = ["xtransplant", "activation-patching", "interpretability", "multilingual"]
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=$|[-_])")  # ISO 639, what the hub takes
_KIND = {"examples": "the prompts, and what makes an answer right",
         "records": "a row per example and variant: what was measured",
         "correct": "the same rows in the same order: what was judged"}  # fmt: skip


def make_card(run: Run, summary: Summary, repo: str, license: str | None) -> str:
    """The text of ``README.md``.

    Args:
        run: on disk.
        summary: the same counted.
        repo: the data set's name on the hub, ``USER/NAME``.
        license: the licence's name on the hub; left out of the card where it is None.
    """
    import yaml

    manifest = summary.manifest
    head: dict[str, Any] = {
        "pretty_name": summary.name,
        **({"license": license} if license else {}),
        "language": list(_languages(manifest)),
        "tags": _TAGS,
        "configs": list(_configs(run)),
    }
    if not head["language"]:
        del head["language"]
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=False)
    return f"---\n{text}---\n\n" + "\n\n".join(_sections(run, summary, repo)) + "\n"


def _languages(manifest: Manifest) -> dict[str, None]:
    codes = ["en", *(lang for task in manifest.tasks.values() for lang in task.languages)]
    return dict.fromkeys(found[0] for code in codes if (found := _LANGUAGE.match(code)))


def _configs(run: Run) -> Iterator[dict[str, Any]]:
    """A configuration for each table of each task, with a split for each language."""
    stored: dict[str, dict[str, Part]] = {}
    for part in run.stored():
        stored.setdefault(part.task, {}).setdefault(part.lang, part)
    for task, langs in stored.items():
        for kind in KINDS:
            files = [
                {
                    "split": split,
                    "path": f"{kind}/{task_folder(task)}/lang={path_name(lang)}/*.parquet",
                }
                for lang, split in _splits(list(langs)).items()
            ]
            yield {"config_name": _config_name(task, kind), "data_files": files}


def _config_name(task: str, kind: str) -> str:
    return plain_name(task, kind)


def _splits(langs: list[str]) -> dict[str, str]:
    """By language the name of its split; a split has letters, digits and ``_`` alone."""
    found: dict[str, str] = {}
    for lang in langs:
        name = re.sub(r"\W", "_", lang) or "_"
        while name in found.values() or name == "all":
            name += "_"
        found[lang] = name
    return found


def _sections(run: Run, summary: Summary, repo: str) -> Iterator[str]:
    manifest, name = summary.manifest, repo.rpartition("/")[2]
    tasks = list(manifest.tasks)
    yield f"# {escape_markdown(summary.name)}"
    yield (
        "A run of xtransplant: activations of a prompt in one language, written into the run of "
        "the same model on the same prompt in another, layer pair by layer pair."
    )
    yield "\n".join(_about(summary))
    first = {one.title: one for one in reversed(list(text_grids(make_tables([summary]))))}
    tables = [first[table.title] for table in make_tables([summary])]
    yield "## What it found\n\n" + grids_to_markdown(tables).rstrip()
    again = f"""hf download {repo} --repo-type dataset --local-dir runs/{name}
xtp runs runs/{name} --check
xtp report runs/{name} --html report.html"""
    yield (
        "## Its tables again\n\nNo model is needed; every file has its checksum.\n\n"
        f"```sh\n{again}\n```"
    )
    config = _config_name(tasks[0], "records")
    kinds = "\n".join(f"- `{kind}`: {what}" for kind, what in _KIND.items())
    lang = next(iter(_splits(list(manifest.tasks[tasks[0]].languages)).values()), "")
    yield (
        "## Its rows\n\nA configuration is one of these tables of a task, a split a language.\n\n"
        f"{kinds}\n\n```python\nfrom datasets import load_dataset\n\n"
        f'load_dataset("{repo}", "{config}", split="{lang}")\n```'
    )
    yield "## Licences\n\n" + "\n".join(
        f"- The data of {escape_markdown(one)}: {escape_markdown(entry.licence or 'not stated')}"
        for one, entry in manifest.tasks.items()
    )


def _about(summary: Summary) -> Iterator[str]:
    manifest, model = summary.manifest, summary.manifest.model
    revision = model.get("commit") or model.get("revision")
    shown = {
        "Model": model_label(model["name"]) + (f", revision {revision}" if revision else ""),
        "Precision": str(model.get("dtype", "not stated")),
        "Strategies": ", ".join(manifest.strategies),
        "Layer pairs": manifest.pairs_text or "chosen before",
        "Null grids": ", ".join(manifest.nulls) or "none",
        "xtransplant": manifest.versions.get("xtransplant", "not stated"),
        "Stored": "all parts" if summary.complete else
        f"INCOMPLETE, {summary.missing} of {summary.n_parts} parts are missing",
    }  # fmt: skip
    for what, text in shown.items():
        yield f"- {what}: {escape_markdown(text)}"
    for name, entry in manifest.tasks.items():
        n = sum(one.n for one in entry.languages.values())
        yield f"- Task {escape_markdown(name)}: " + escape_markdown(
            f"version {entry.version}, {entry.direction}, {entry.split} split, {entry.mode}, "
            f"{len(entry.languages)} languages, {n} examples"
        )
    if not manifest.config.get("log_samples", True):
        yield "- Prompts and outputs are not stored: judgements alone"
