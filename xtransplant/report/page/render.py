"""Runs as one page: everything it needs is in it, and it asks for nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from xtransplant.report.formats import text_grids
from xtransplant.report.page.blocks import MOST_RECORDS, group_of, n_records
from xtransplant.report.page.sentences import findings
from xtransplant.report.summary import Summary
from xtransplant.report.tables import make_tables
from xtransplant.report.text_grid import TextGrid
from xtransplant.style.escape import visible
from xtransplant.style.words import model_label

__all__ = ["to_html"]

_SCRIPTS = ("base.js", "counts.js", "maps.js", "examples.js", "start.js")


def to_html(
    summaries: Sequence[Summary], level: str = "match", *, most_records: int = MOST_RECORDS
) -> str:
    """One page of HTML, its styles, script and records inside; it makes no request.

    Args:
        summaries: of runs.
        level: of the tables and the sentences: ``strict``, ``match`` or ``lenient``; the heatmaps
            have all three.
        most_records: up to which every cell's examples can be opened; beyond, of each strategy
            those of its best pair.

    Raises:
        XTransplantError: a damaged part.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    tables = make_tables(summaries, level)
    every_pair = n_records(summaries) <= most_records
    groups = [
        group_of(summary, task, level, every_pair=every_pair)
        for summary in summaries
        for task in summary.tasks.values()
        if task.languages
    ]
    style, script = _asset("page.css"), _script()
    environment = Environment(
        loader=PackageLoader("xtransplant.report.page", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        title=_title(summaries),
        level=level,
        version=version("xtransplant"),
        summaries=[_about(one) for one in summaries],
        findings=[(visible(a), [visible(one) for one in says]) for a, says in findings(tables)],
        grids=[_shown(one) for one in text_grids(tables)],
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=_packed({"groups": groups, "level": level}),
    )


def _title(summaries: Sequence[Summary]) -> str:
    tasks = dict.fromkeys(name for one in summaries for name in one.tasks)
    models = dict.fromkeys(model_label(str(one.manifest.model["name"])) for one in summaries)
    return visible(f"{', '.join(tasks)}: {', '.join(models)}")


def _about(one: Summary) -> dict[str, Any]:
    versions = one.manifest.versions
    return {
        "name": visible(one.name),
        "model": visible(model_label(str(one.manifest.model["name"]))),
        "started": one.manifest.started,
        "missing": one.missing,
        "parts": one.n_parts,
        "versions": ", ".join(
            f"{name} {visible(str(versions[name]))}"
            for name in ("xtransplant", "nnsight", "torch", "transformers")
            if name in versions
        ),
    }


def _shown(grid: TextGrid) -> dict[str, Any]:
    lines = [
        {"label": visible(one.label), "cells": one.cells, "null": one.null, "aside": one.aside}
        for one in grid.lines
    ]
    return {
        "title": visible(grid.title),
        "heads": [visible(head) for head in grid.heads],
        "lines": lines,
        "notes": [visible(note) for note in grid.notes],
    }


def _script() -> str:
    """The parts of the script as one function, so that none of its names is the page's."""
    return '(async () => {\n"use strict";\n' + "\n".join(map(_asset, _SCRIPTS)) + "})();\n"


def _asset(name: str) -> str:
    return files("xtransplant.report.page").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    """By which a page's policy lets through this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _packed(document: Any) -> str:
    """JSON, compressed and in letters that HTML has no use for; the same for the same runs."""
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(plain.encode(), mtime=0)).decode()
