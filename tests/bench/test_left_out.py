"""A task that has nothing to run is left out and said; the others go on."""

import json
from dataclasses import replace

import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench.config import ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.pairs import parse_pairs
from xtransplant.bench.pilot import pilot
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.report.document import write_report
from xtransplant.runs.read import cells
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

BOTH = replace(
    SMALL, tasks=("file", "babel"), strategies=("ffn-swap",), langs=("sw",), limit=3, pairs="7:0",
    model=ModelSpec(str(CHECKPOINT)),
)  # fmt: skip


@pytest.fixture
def rows(tmp_path):
    """Write a file of a few Babel facts, their prompts repeated so many times."""

    def write(times, lang="sw"):
        own = load_examples(find_task("babel"), "sw").examples[:3]
        lines = [
            {"source": one.source * times, "target": one.target, "answer": one.answer,
             "candidates": list(one.candidates), "lang": lang}
            for one in own
        ]  # fmt: skip
        file = tmp_path / "mine.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return DataSource(file=file)

    return write


@pytest.mark.parametrize(
    ("times", "lang", "words"),
    [
        (60, "sw", "every example is longer than the 256 tokens"),
        (1, "zz", "file all has no language left to run among sw: it is left out"),
    ],
)
def test_the_other_tasks_go_on(rows, tmp_path, babel_model, times, lang, words):
    said = []
    config = replace(BOTH, data=rows(times, lang))
    run = bench(config, RunContext(tmp_path / "runs", say=said.append), model=babel_model)
    assert not run.missing()
    assert {name: list(task.languages) for name, task in run.manifest.tasks.items()} == {
        "file": [], "babel": ["sw"],
    }  # fmt: skip
    assert any(words in line for line in said)
    # It is found again, and every format of a report takes it.
    assert bench(config, RunContext(tmp_path / "runs"), model=babel_model).path == run.path
    formats = ("terminal", "markdown", "csv", "json", "latex")
    written = write_report([run.path], formats=formats, figures=["svg"], output=tmp_path / "out")
    assert len(written.written) > len(formats)


@pytest.mark.parametrize(
    ("tasks", "lang"),
    [(("file",), "sw"), (("file", "babel"), "zz")],  # Babel has no zz
)
def test_nothing_at_all_is_an_error(rows, tmp_path, babel_model, tasks, lang):
    config = replace(BOTH, tasks=tasks, langs=(lang,), data=rows(60, lang))
    with pytest.raises(XTransplantError, match=r"^file all: every example is longer than the 256"):
        bench(config, RunContext(tmp_path / "runs"), model=babel_model)
    assert not (tmp_path / "runs").exists()


def test_a_pilot_across_languages_leaves_the_other_pairs_alone(babel_model, tmp_path):
    config = replace(SMALL, strategies=("ffn-swap",))
    each = pilot(config, RunContext(tmp_path), model=babel_model)
    before = (each.first.path / "pairs.json").read_bytes()
    one = pilot(config, RunContext(tmp_path), model=babel_model, across=True)
    # Chosen on the same run: what was computed for the one serves the other.
    assert one.first.path == each.first.path
    assert (each.first.path / "pairs.json").read_bytes() == before
    assert one.written.name == "pairs-across.json"
    for done in (each, one):
        assert parse_pairs(f"@{done.written}").pairs == done.chosen.pairs


def test_the_default_split_and_the_pilots_are_one_run(babel_model, tmp_path):
    config = replace(SMALL, strategies=("ffn-swap",), langs=("sw",), limit=3)
    plain = bench(config, RunContext(tmp_path), model=babel_model)
    assert pilot(config, RunContext(tmp_path), model=babel_model).first.path == plain.path


def test_pairs_past_the_last_layer_are_left_out_and_said(babel_model, tmp_path):
    file = tmp_path / "next.py"
    file.write_text(
        "from xtransplant import strategy\n\n\n@strategy('next')\n"
        "def next_layers(source, target, i, j):\n    target.ffn[j + 1] = source.ffn[i + 1]\n"
    )
    said = []
    config = replace(SMALL, strategies=(str(file), "ffn-swap"), langs=("sw",), limit=3)
    run = bench(config, RunContext(tmp_path / "runs", say=said.append), model=babel_model)
    n, own = babel_model.n_layers, run.manifest.strategies["next"]["pairs"]
    assert own == [[i, j] for i in range(n - 1) for j in range(n - 1)]
    assert len(run.manifest.strategies["ffn-swap"]["pairs"]) == n * n
    assert any(line.startswith(f"next: {2 * n - 1} of {n * n} layer pairs") for line in said)
    # What i + 1 to j + 1 does at a pair is what ffn-swap does at the next.
    found = dict(cells(run, "babel", "sw"))
    right = {name: _right(one) for name, one in found.items()}
    moved = {(k, i + 1, j + 1): own for (k, i, j), own in right["next"].items()}
    assert len(moved) == 3 * (n - 1) ** 2
    assert moved == {at: right["ffn-swap"][at] for at in moved}
    with pytest.raises(XTransplantError, match=r"layer pair 0→7, .*no layer 8"):
        bench(replace(config, pairs="0:7"), RunContext(tmp_path / "other"), model=babel_model)


def _right(cells):
    """Whether each cell is right, by example and layers."""
    at = zip(cells.examples, cells.source_layers, cells.target_layers, strict=True)
    return {tuple(map(int, key)): tuple(own) for key, own in zip(at, cells.right, strict=True)}
