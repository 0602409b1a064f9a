"""A manifest that is lost, cut off or of another version is one line that says what to do."""

import json

import pytest

from xtransplant import XTransplantError
from xtransplant.runs import open_run


def edited(run, *path, value):
    """Its manifest with one value changed, or a key taken out."""
    document = json.loads((run.path / "manifest.json").read_text())
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "{", '"x"', '{"schema": "2"}', "[" * 99999]
)
def test_a_damaged_manifest_names_the_remedy_and_what_is_kept(run, text):
    (run.path / "manifest.json").write_text(text)
    with pytest.raises(
        XTransplantError, match=r"damaged .*rm .*keeps the 4 stored parts"
    ) as caught:
        open_run(run.path)
    assert "newer" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_a_manifest(run):
    path = run.path / "manifest.json"
    path.write_text(path.read_text()[:400])
    with pytest.raises(XTransplantError, match="cut off"):
        open_run(run.path)


def test_a_lost_manifest_says_that_the_parts_are_not(run):
    (run.path / "manifest.json").unlink()
    with pytest.raises(XTransplantError, match=r"lost its manifest\.json, not its 4 stored parts"):
        open_run(run.path)


@pytest.mark.parametrize(("schema", "said"), [(1, "older xtransplant"), (99, "newer xtransplant")])
def test_other_versions_are_refused(run, schema, said):
    (run.path / "manifest.json").write_text(edited(run, "schema", value=schema))
    with pytest.raises(XTransplantError, match=said):
        open_run(run.path)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("tasks", "made", "part_size"), 0, "part_size is 0"),
        (("tasks", "made", "part_size"), "8", "part_size"),
        (("tasks", "made", "languages", "sw", "n"), -1, "n is -1"),
        (("tasks", "made", "languages", "sw", "n"), 10**15, "parts"),
        (("tasks", "made", "languages", "sw", "n"), None, "integer"),
        (("tasks", "made", "languages"), ["sw"], "languages"),
        (("tasks", "made", "rule"), 3, "rule"),
        (("strategies", "swap", "pairs"), [[1]], "pairs"),
        (("strategies", "swap"), {}, "pairs"),
        (("model",), {}, "model.name"),
        (("tasks",), None, "tasks"),
    ],
)
def test_what_a_manifest_holds_is_checked(run, path, value, said):
    (run.path / "manifest.json").write_text(edited(run, *path, value=value))
    with pytest.raises(XTransplantError, match=f"damaged.*{said}"):
        open_run(run.path)
