"""``xtp lens``: what is printed, and what is refused in a line."""

import json

import pytest


def test_a_line_for_every_layer_and_the_same_as_a_document(xtp, tmp_path):
    asked = ("lens", "-s", "ffn-swap", "--pair", "-1:6", "--example", "1", "-q")
    shown = xtp(*asked, "--plot", str(tmp_path / "lens.svg"))
    assert shown.code == 0
    assert (tmp_path / "lens.svg").is_file()
    lines = [line.split() for line in shown.out.splitlines() if line.strip()[:1].isdigit()]
    found = json.loads(xtp(*asked, "--json").out)
    assert (found["source_layer"], found["target_layer"]) == (7, 6)
    assert [line[0] for line in lines] == [str(layer) for layer in range(8)]
    for line, (share, _) in zip(lines, found["runs"]["source"]["probabilities"], strict=True):
        assert line[1] == f"{100 * share:.1f}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--pair", "7"], "--pair takes a source and a target layer, as in 12:11, not '7'"),
        (["--pair", "9:0"], "--pair"),
        (["--pair", "all:0"], "--pair takes one layer on either side, not 'all'"),
        (["--pair", "7:0", "--plot", "lens.txt"], "--plot 'lens.txt' should end in .png"),
    ],
)
def test_what_is_no_pair_or_no_figure_is_refused_in_a_line(xtp, words, says):
    refused = xtp("lens", "-s", "ffn-swap", "-q", *words)
    assert refused.code == 2
    assert refused.out == ""
    (line,) = [line for line in refused.err.splitlines() if line.startswith("xtp: ")]
    assert says in line
