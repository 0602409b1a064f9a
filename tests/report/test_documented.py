"""Every column of what is stored, and of a report's CSV, stands in docs/bench.md."""

import re
from pathlib import Path

import pytest

from xtransplant.report.data import to_frame
from xtransplant.runs.columns import columns_of

PAGE = (Path(__file__).parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
# Names in the tables' first two columns: what a reader looks up.
NAMED = {
    name
    for line in PAGE.splitlines()
    if line.startswith("|")
    for cell in line.split("|")[1:3]
    for name in re.findall(r"`([^`]+)`", cell)
}


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_columns_of_records_are_documented(mode):
    assert not columns_of(mode).keys() - NAMED


def test_columns_of_a_csv_are_documented():
    columns = set(to_frame([]).columns)
    assert len(columns) > 30
    assert not columns - NAMED
