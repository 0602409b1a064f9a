"""Judging again: by the run's rule or another one, which the run then says everywhere."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))
from made_run import made_manifest, made_run, tables_of

from xtransplant import XTransplantError
from xtransplant.bench.repair import repair
from xtransplant.bench.rescore import rescore
from xtransplant.cli.app import run as xtp
from xtransplant.report.document import write_report
from xtransplant.runs import open_run, records
from xtransplant.runs.claims import claim
from xtransplant.runs.store import create_run


def rules(run):
    """The rules that its parts were judged by."""
    return {run.sums(part).rule for part in run.manifest.parts()}


def test_another_rule_is_the_runs_from_then_on(tmp_path, capsys):
    run = made_run(tmp_path / "run")
    assert "judged by the rule" not in write_report([run.path], formats=["markdown"]).texts[0]
    done = rescore(run.path, rule="begins")
    assert done.changed["match"] > 0
    entry = open_run(run.path).manifest.tasks["made"]
    assert (entry.rule, entry.task_rule) == ("begins", "contains")
    assert rules(run) == {"begins"}
    text = write_report([run.path], formats=["markdown"]).texts[0]
    assert "judged by the rule begins, not by the task's own, contains" in text
    # Without a rule it is the run's.
    assert set(rescore(run.path).changed.values()) == {0}
    assert rules(run) == {"begins"}
    assert xtp(["rescore", str(run.path), "--rule", "contains"]) == 0
    assert "72 records judged; changed: " in capsys.readouterr().out
    assert open_run(run.path).manifest.tasks == run.manifest.tasks
    assert xtp(["rescore", str(run.path), "--rule", "begins"]) == 0
    assert "by begins, not by made's own rule contains" in capsys.readouterr().out


def test_two_rules_never_stand_side_by_side(tmp_path, monkeypatch):
    run = made_run(tmp_path / "run")
    import xtransplant.bench.rescore as module

    real, judged = module.judge_part, []

    def killed(*given, **options):
        if len(judged) == 2:
            raise KeyboardInterrupt
        judged.append(given)
        return real(*given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, "judge_part", killed)
        with pytest.raises(KeyboardInterrupt):
            rescore(run.path, rule="begins")
    half = open_run(run.path)
    assert len(half.missing()) == 2
    assert len(records(half)) == 36
    assert "2 of 4 parts missing" in write_report([run.path], formats=["markdown"]).texts[0]
    # Whoever goes on with it does so by the run's rule.
    assert repair(half) == []
    assert rules(half) == {"begins"}


@pytest.mark.parametrize(
    ("changes", "rule", "said"),
    [
        ({"options": False}, "choice", "does not fit made.*contains, begins would"),
        ({"options": False}, "letters", "does not fit made"),
        ({"options": False}, "truth", "does not fit made"),
        ({}, "nonsense", "unknown rule 'nonsense'; choose choice"),
        ({"mode": "score"}, "contains", "scored candidates on made"),
    ],
)
def test_a_rule_that_does_not_fit_changes_nothing(tmp_path, changes, rule, said):
    run = made_run(tmp_path / "run", **changes)
    with pytest.raises(XTransplantError, match=said):
        rescore(run.path, rule=rule)
    assert open_run(run.path).manifest == run.manifest
    assert rules(run) == {"contains"}


def test_rules_that_choose_fit_where_there_are_options(tmp_path):
    run = made_run(tmp_path / "run")
    for rule in ("choice", "letters", "truth", "contains"):
        assert rescore(run.path, rule=rule).records == 72


def test_a_rescore_of_nothing_ends_with_2(tmp_path, capsys):
    run = create_run(tmp_path / "run", made_manifest())
    assert xtp(["rescore", str(run.path)]) == 2
    assert "holds no records" in capsys.readouterr().err


@pytest.mark.parametrize("harm", ["gone", "half"])
@pytest.mark.parametrize("kind", ["examples", "records"])
def test_what_is_judged_from_has_to_be_there(tmp_path, capsys, kind, harm):
    run = made_run(tmp_path / "run")
    path = run.part_path(kind, list(run.manifest.parts())[3])
    before = path.read_bytes()
    path.unlink() if harm == "gone" else path.write_bytes(before[: len(before) // 2])
    code = xtp(["rescore", str(run.path)])
    err = capsys.readouterr().err
    if (kind, harm) == ("records", "gone"):
        assert code == 0  # that part is missing, as any that was not computed yet
        return
    assert code == 2
    assert f"{kind}/task=made/lang=zh/part-00001.parquet" in err
    assert "run its xtp bench command again" in err


def test_a_damaged_judgement_is_judged_anew(tmp_path):
    run = made_run(tmp_path / "run")
    path = run.part_path("correct", next(run.manifest.parts()))
    before = path.read_bytes()
    path.write_bytes(before[:100] + b"x" + before[101:])
    assert rescore(run.path).records == 72
    assert path.read_bytes() == before


def test_a_run_that_is_worked_on_is_not_judged_meanwhile(tmp_path, monkeypatch):
    from xtransplant.runs import locks

    # Locks by file keep apart two who hold them in one process too.
    monkeypatch.setattr(locks, "_fcntl", None)
    run = create_run(tmp_path / "run", made_manifest())
    part = next(run.manifest.parts())
    for kind, table in tables_of(run.manifest, part).items():
        run.write(kind, part, table)
    with claim(run, [part]) as claims:
        assert claims.hold(part)
        with pytest.raises(XTransplantError, match="another process is at work"):
            rescore(run.path, rule="begins")
    assert open_run(run.path).manifest == run.manifest
    assert rescore(run.path, rule="begins").records == 24
