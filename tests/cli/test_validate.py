"""``xtp validate``, and the verbs that have a second name."""

import json

import pytest


@pytest.fixture
def table(tmp_path):
    def write(*lines):
        path = tmp_path / "mine.csv"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


def test_a_file_is_told_by_language(xtp, table):
    path = table("source,target,lang,answer", "one?,moja?,sw,1", "one?,un ?,fr,1")
    found = xtp("validate", path)
    assert found.code == 0, found.err
    assert found.out.splitlines() == [
        "ok    file all sw: 1 examples, generated", "ok    file all fr: 1 examples, generated",
    ]  # fmt: skip
    rows = json.loads(xtp("validate", path, "--langs", "fr", "--json", "--quiet").out)
    assert [(row["lang"], row["n"], row["fault"]) for row in rows] == [("fr", 1, "")]


def test_prompts_that_are_not_the_same_items_fail(xtp, table):
    rows = [f"How many are {k} and {k}?,Ngapi {k + 7} na {k + 7}?,sw,x" for k in range(10, 40)]
    found = xtp("validate", table("source,target,lang,answer", *rows))
    assert found.code == 1
    assert found.out.startswith("FAIL  file all sw: source and target are not the same items")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to validate"),
        (("--task", "no-such"), "unknown task 'no-such'"),
        (("--task", "babel", "-s", "attn-swop"), "nearest: attn-swap"),
        (("--task", "babel", "--langs", "xx"), "--langs xx"),
        (("no.csv",), "no.csv' is no file"),
    ],
)
def test_what_is_wrong_is_one_line(xtp, arguments, words):
    found = xtp("validate", *arguments)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert words in found.err


def test_a_configuration_is_tried(xtp, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("task: babel\nlangs: sw\nstrategy: attn-swap\nlimit: 3\n")
    assert (
        xtp("validate", "--config", str(path)).out == "ok    babel pilot sw: 3 examples, scored\n"
    )


def test_second_names_are_the_same_verbs(xtp, tmp_path):
    assert xtp("ls", str(tmp_path)) == xtp("runs", str(tmp_path))
    one, other = (xtp(verb, "--task", "babel").err for verb in ("run", "bench"))
    assert one == other
    assert "no strategy is given" in one
