"""Words of a page say no more than the numbers beside them."""

from types import SimpleNamespace

import numpy as np
import pytest
from made_runs import make_run

from xtransplant.report.gain_table import gain_cells, gain_heads, gain_notes
from xtransplant.report.gains import Gains
from xtransplant.report.page.sentences import findings
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.stats import gain


def gained(fixed, broken, n):
    """Of that many flips, each an item's."""
    change = np.array([1] * fixed + [-1] * broken + [0] * (n - fixed - broken))
    return gain(change < 0, change > 0)


def says(tables, one):
    """What is said of the rows, where each gains as much."""
    for table in tables:
        for row in table.rows:
            object.__setattr__(row, "gains", Gains(one))
    return " ".join(own for _, text in findings(tables) for own in text)


@pytest.mark.parametrize(
    ("fixed", "broken", "n", "told"),
    [
        (4, 0, 100, False),  # BCa leaves 0 out, and as many of one kind come up in one of eight
        (2, 0, 2, False),  # there is no interval
        (20, 0, 20, True),  # nor here, but it is no chance
        (9, 8, 100, False),
        (20, 2, 100, True),
        (2, 20, 100, True),
    ],
)
def test_a_gain_is_said_where_interval_and_p_agree(tmp_path, fixed, broken, n, told):
    one = gained(fixed, broken, n)
    text = says(make_tables([summarise(make_run(tmp_path / "run"))]), one)
    assert f"{100 * one.value:+.1f} points" in text
    assert ("which may be none" in text) is not told
    assert one.told_from_0 is told


def test_p_stands_beside_the_points_that_it_is_of():
    one, heads = gained(9, 2, 40), gain_heads("generate")
    one = SimpleNamespace(**{name: getattr(one, name) for name in
                             ("n", "value", "ci95", "p", "fixed", "broken", "unchanged")},
                          knowledge=gained(2, 1, 40))  # fmt: skip
    cells = dict(zip(heads, gain_cells(one, "generate"), strict=True))
    assert heads.index("p") == 1 + heads.index("points (95%)")
    assert cells["p"] == f"{one.p:.4f}" != f"{one.knowledge.p:.4f}"
    assert cells["knowledge (95%)"].startswith("+2.5")


@pytest.mark.parametrize(("n", "few"), [(29, True), (30, False)])
def test_a_note_says_where_items_are_too_few_for_an_interval(n, few):
    notes = gain_notes([gained(3, 1, 200), gained(3, 1, n)], "score")
    assert any("fewer than 30 items" in note for note in notes) is few


def test_what_looked_at_the_answers_comes_last_and_promises_no_gain(tmp_path):
    tables = make_tables([summarise(make_run(tmp_path / "run"))])
    ((_, said),) = findings(tables)
    best = [text for text in said if "-swap best of 16: " in text]
    honest = [text for text in said if "cross-fitted" in text]
    assert len(best) == len(honest) == 2
    assert max(map(said.index, honest)) < min(map(said.index, best))
    rows = {row.label: row for row in tables[0].rows}
    for text in best:
        row = rows[text.partition(": right on")[0]]
        assert row.kind == "best"
        assert f"{100 * row.micro.value:.1f}%" in text
        assert "points" not in text
        assert "no result" in text
