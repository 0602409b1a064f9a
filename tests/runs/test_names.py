"""No name leaves the folder it is to lie in, and no two names lie in one place."""

import json
import os
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_run import made_manifest, made_run

from xtransplant.runs import Part, open_run, records
from xtransplant.runs.names import path_name, plain_name
from xtransplant.runs.store import create_run

HOSTILE = (
    "x/../../..", "..", ".", "/etc", "a\\b", "a\0b", "\n", "~", "x" * 5000, "ก" * 300, "%2e%2e",
    "\ud800", "sw/part-00000.parquet", "\u202eback", "C:", "",
)  # fmt: skip


@given(st.text())
def test_a_name_is_one_short_component_of_a_path(text):
    name = path_name(text)
    assert not set(name) & set("/\\:\0\n")
    assert name not in (".", "..")
    assert len(os.fsencode(name)) <= 96
    if "%7e" not in name:
        assert unquote(name) == text


@given(st.text(), st.text())
def test_two_names_are_two_paths(one, other):
    assert (path_name(one) == path_name(other)) == (one == other)


def test_plain_names_stay_and_long_ones_differ():
    for name in ("sw", "zh-Hans", "global-opinion-qa", "1.5", "中文"):
        assert path_name(name) == plain_name(name) == name
    assert path_name("x" * 500) != path_name("x" * 501)
    assert plain_name("a(x=1)") != plain_name("a(x:1)")


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_part_lies_in_its_run_whatever_its_language_is_called(tmp_path, name):
    run = create_run(tmp_path / "run", made_manifest())
    for part in (Part("made", name, 0, 0, 4), Part(name, "sw", 0, 0, 4)):
        inside = Path(os.path.normpath(run.part_path("records", part)))
        assert inside.relative_to(run.path / "records").parts[2] == "part-00000.parquet"


@pytest.mark.parametrize("name", [one for one in HOSTILE if "\ud800" not in one], ids=repr)
def test_a_run_of_a_hostile_language_stays_in_its_folder_and_is_read_back(tmp_path, name):
    folder = tmp_path / "deep" / "er" / "run"
    made_run(folder, langs=(name, "sw"))
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in folder.parent.iterdir()} == {"run"}
    assert set(records(folder).lang) == {name, "sw"}


def test_a_foreign_manifest_leads_nowhere_else(tmp_path):
    run = made_run(tmp_path / "deep" / "er" / "run")
    path = run.path / "manifest.json"
    document = json.loads(path.read_text())
    languages = document["tasks"]["made"]["languages"]
    languages["x/../../../../.."] = languages.pop("sw")
    path.write_text(json.dumps(document))
    hostile = open_run(run.path)
    before = {path for path in tmp_path.rglob("*") if run.path not in path.parents}
    for part in hostile.missing():
        hostile.write("records", part, pa.table({"x": [1]}))
    assert {path for path in tmp_path.rglob("*") if run.path not in path.parents} == before
