"""A matching rule that a package adds is judged by as a built-in one, and known by its source."""

import shutil
import sys
from dataclasses import replace

import pytest
from plugin_made import forget, install
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench.config import ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.rescore import rescore
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.runs import open_run, records


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a version of the package, or remove it."""
    folder = tmp_path / "packages"
    monkeypatch.syspath_prepend(str(folder))
    # Python writes no compiled file that an edit within the same second would not outdate.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def call(remainder):
        shutil.rmtree(folder, ignore_errors=True)
        if remainder is not None:
            install(folder, remainder=remainder)
        forget()

    yield call
    forget()


def right(run):
    found = records(run)
    return dict(zip(zip(found.example, found.strategy, strict=True), found.match, strict=True))


@pytest.fixture
def parity(babel_model, tmp_path):
    """Run the package's task with Babel's model."""
    config = replace(
        SMALL, tasks=("parity",), langs=(), strategies=("none",), pairs="0:0", max_new_tokens=3,
        model=ModelSpec(str(CHECKPOINT)),
    )  # fmt: skip
    return lambda: bench(config, RunContext(tmp_path / "runs"), model=babel_model)


def test_a_run_says_which_version_of_a_rule_judged_it(plugin, parity):
    plugin(0)
    run = parity()
    rule = run.manifest.tasks["parity"].rule
    assert rule.startswith("even@")
    found = records(run)
    numbers = found.output.str.strip().str[:2]
    even = [text.isdecimal() and int(text) % 2 == 0 for text in numbers]
    assert found.match.tolist() == even
    # The same rule is the same run, which is gone on with.
    assert parity().path == run.path
    plugin(1)
    other = parity()
    assert other.path != run.path
    assert other.manifest.tasks["parity"].rule != rule


def test_a_run_is_judged_again_by_the_version_that_is_installed(plugin, parity):
    plugin(0)
    run = parity()
    before = right(run)
    assert set(rescore(run.path).changed.values()) == {0}
    plugin(1)
    done = rescore(run.path)
    after = open_run(run.path)
    entry = after.manifest.tasks["parity"]
    assert (entry.rule != run.manifest.tasks["parity"].rule, entry.task_rule) == (True, "")
    assert done.changed["match"] == sum(right(after)[key] != before[key] for key in before)
    assert rescore(run.path, rule="begins").run.manifest.tasks["parity"].task_rule == entry.rule
    assert rescore(run.path, rule="even").run.manifest.tasks["parity"] == entry


def test_a_rule_that_is_gone_is_one_clear_error(plugin, parity):
    plugin(0)
    run = parity()
    plugin(None)
    with pytest.raises(
        XTransplantError, match=r"rule 'even@\w+' is not installed: install"
    ) as error:
        rescore(run.path)
    assert "\n" not in str(error.value)
    with pytest.raises(XTransplantError, match="unknown rule 'even'; choose choice"):
        rescore(run.path, rule="even")
    assert right(open_run(run.path)) == right(run)
    assert rescore(run.path, rule="begins").run.manifest.tasks["parity"].rule == "begins"


def test_a_rule_that_fails_is_named(plugin, parity):
    plugin(0)
    run = parity()
    with pytest.raises(XTransplantError, match="--rule broken does not fit parity"):
        rescore(run.path, rule="broken")
