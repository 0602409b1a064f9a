"""Nothing in the documents leads nowhere, and the reference has every public name."""

import re

import pytest
from pages import PAGES, ROOT, anchors, links

import xtransplant
from xtransplant import runs, testing

# Files that a reader is told to write, or that stand for any.
NOT_THERE = re.compile(r"NAME|benchmarks/(words/)?global_mmlu\.(py|toml)")
IN_CODE = re.compile(r"`((?:\.ci|docs|tests|xtransplant|benchmarks|interventions|cli)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.is_file(), link
        assert not anchor or anchor in anchors(goal), link
    for path in IN_CODE.findall(page.read_text(encoding="utf-8")):
        assert NOT_THERE.search(path) or (ROOT / path).exists(), path


def test_links_and_anchors_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b`, c\n\n[x](y.md#z) ![i](i.png)\n\n## A b c\n\n| a |\n|---|\n| [t](u) |\n"
    )
    assert list(links(page)) == ["y.md#z", "i.png", "u"]
    assert anchors(page) == {"a-b-c", "a-b-c-1"}


def test_the_reference_has_every_public_name():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^::: ([\w.]+)$", text, flags=re.MULTILINE))
    assert {f"xtransplant.{name}" for name in xtransplant.__all__} <= listed
    assert {f"xtransplant.testing.{name}" for name in testing.__all__} <= listed
    assert {f"xtransplant.runs.{name.__name__}" for name in (runs.runs, runs.records)} <= listed
