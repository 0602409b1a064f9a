"""The list of runs: each is told apart, and one that is damaged hides none."""

import io
import json

import pytest
from made_run import made_run
from rich.console import Console

from xtransplant.cli.app import run as xtp
from xtransplant.report.listing import runs_table
from xtransplant.runs import runs


def printed(folder, width=80, **options):
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(
        runs_table(folder, width=width, **options).shown
    )
    return text.getvalue()


def spoil(run, text):
    path = run.path / "manifest.json"
    path.unlink() if text is None else path.write_text(text)


@pytest.mark.parametrize("text", [None, "{}", '{"id": "0', '{"schema": 1}', '{"schema": 99}'])
def test_one_bad_manifest_hides_no_run(tmp_path, text):
    for name in ("a", "b", "c"):
        made_run(tmp_path / name)
    (tmp_path / "no-run").mkdir()
    (tmp_path / "file").touch()
    spoil(runs_named(tmp_path, "b"), text)
    found = runs(tmp_path).set_index("run")
    assert list(found.index) == ["a", "b", "c"]
    assert found.state["a"] == found.state["c"] == "complete"
    assert found.state["b"].startswith("damaged: ")
    shown = " ".join(printed(tmp_path).split())
    assert "again" in shown or "upgrade" in shown
    assert "newer" not in shown or "99" in text


def runs_named(folder, name):
    from xtransplant.runs import open_run

    return open_run(folder / name)


def test_names_stand_whole_on_a_line_of_80_columns(tmp_path):
    names = ["babel-pilot-8de2ac1904", "xnli+xcopa+global-opinion-qa-pilot+unseen-0123456789"]
    for name in names:
        made_run(tmp_path / name)
    lines = printed(tmp_path, 80).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == names
    assert all(len(line) <= 80 for line in lines)
    wide = printed(tmp_path, 1000).splitlines()
    assert sum(any(line.startswith(name) for name in names) for line in wide) == 2
    assert len(wide) == 4


def test_chosen_pairs_and_all_pairs_are_told_apart(tmp_path):
    made_run(tmp_path / "all")
    made_run(tmp_path / "one", own_pairs=[(1, 0)])
    assert list(runs(tmp_path).pairs) == ["overall", "chosen 1→0"]


def test_check_names_what_is_damaged_and_ends_with_1(tmp_path, capsys):
    run = made_run(tmp_path / "a")
    made_run(tmp_path / "b")
    assert xtp(["runs", str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().out.count("complete, checked") == 2
    path = run.part_path("correct", next(run.manifest.parts()))
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    for folder in (tmp_path, run.path):
        assert xtp(["runs", str(folder), "--check"]) == 1
        out = capsys.readouterr().out
        assert "a: correct/task=made/lang=sw/part-00000.parquet: its bytes have changed" in out
    assert xtp(["runs", str(tmp_path), "--check", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [len(row["damage"]) for row in rows] == [1, 0]
    # Sizes agree: without --check nothing is read.
    assert xtp(["runs", str(tmp_path)]) == 0
