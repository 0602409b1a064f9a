"""Null grids on the report's page: chosen as maps, counted, and what is not in the page of them."""

import json
import re

import pytest
from made_runs import make_run

from xtransplant.report.data import to_lm_eval
from xtransplant.report.summary import summarise
from xtransplant.runs.read import records

pytest.importorskip("selenium")

from in_browser import cells, choose, needs_browser, press
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

pytestmark = needs_browser

NULLS = {"attn-swap": "other", "ffn-swap": "noise"}


def by_keyboard(browser, name, value):
    """One of the page's lists, reached by Tab and walked by Down from its first line."""
    browser.find_element(By.TAG_NAME, "body").click()
    for _ in range(30):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element.get_attribute("id") == name:
            break
    wanted = [
        one.get_attribute("value") for one in Select(browser.find_element(By.ID, name)).options
    ]
    browser.switch_to.active_element.send_keys(Keys.HOME, *[Keys.DOWN] * wanted.index(value))
    assert browser.find_element(By.ID, name).get_property("value") == value


def labels(browser, at=0):
    """What the cells of one of the maps say, by pair."""
    found = browser.execute_script(
        "const map = document.querySelectorAll('#maps .map')[arguments[0]];"
        "return [...map.querySelectorAll('button')].map((one) => one.getAttribute('aria-label'))",
        at,
    )
    return dict(one.removeprefix("difference, ").split(": ", 1) for one in found)


def counted(run, name, level="match", langs=("sw", "zh")):
    """What a cell of a null grid says, by pair, from the records."""
    rows = records(run.path)
    rows = rows[rows["lang"].isin(langs)]
    own, plain = rows[rows["strategy"] == name], rows[rows["strategy"] == "vanilla"]
    plain = plain[plain["example"].isin(own["example"])]
    found, of = {}, f"vanilla {100 * plain[level].mean():.1f}%"
    for (i, j), cell in own.groupby(["source_layer", "target_layer"]):
        right, n = cell[level].sum(), len(cell)
        found[f"{i:.0f}→{j:.0f}"] = f"{right} of {n} right ({100 * right / n:.1f}%), {of}"
    return found


@pytest.mark.parametrize("chosen_by", [choose, by_keyboard])
def test_a_null_grid_is_chosen_in_both_places_and_has_its_own_counts(show, tmp_path, chosen_by):
    run = make_run(tmp_path / "one", nulls=NULLS)
    browser = show(run)
    own = labels(browser)
    chosen_by(browser, "beside", '[0,"attn-swap [null other]"]')
    assert labels(browser) == own
    assert labels(browser, 1) == counted(run, "attn-swap [null other]")
    for pair, said in labels(browser, 2).items():
        strategy, null = own[pair].split(" right")[0], labels(browser, 1)[pair].split(" right")[0]
        assert said.endswith(f"; {strategy} right, and {null}")
    chosen_by(browser, "strategy", "ffn-swap [null noise]")
    assert labels(browser) == counted(run, "ffn-swap [null noise]")
    assert browser.find_elements(By.CSS_SELECTOR, "#maps .marked") == []
    chosen_by(browser, "lang", "zh")
    chosen_by(browser, "level", "strict")
    assert labels(browser) == counted(run, "ffn-swap [null noise]", "strict", ["zh"])
    chosen_by(browser, "set", "gap")
    gap = summarise(run).tasks["xnli"].languages["zh"].sets["strict"].tallies["gap"]
    said = {f"{i}→{j}": right for (i, j), right in gap["ffn-swap [null noise]"].hits.items()}
    assert {pair: int(one.split(" of ")[0]) for pair, one in labels(browser).items()} == said
    assert "Gaussian noise" in browser.find_element(By.CSS_SELECTOR, "#maps .map").text


def test_a_null_grids_best_cell_is_what_json_says_of_it_all_examples_and_the_gap(show, tmp_path):
    run = make_run(tmp_path / "one", nulls=NULLS)
    browser, said = show(run), json.loads(to_lm_eval([summarise(run)]))["results"]
    entry = said["xnli_en-to-lang_pilot_generate_choice"]
    choose(browser, "strategy", "attn-swap [null other]")
    framed = browser.find_element(By.CSS_SELECTOR, "#maps button.best").get_attribute("aria-label")
    for shown, key in (("all", "acc_null_other"), ("gap", "acc_null_other_gap")):
        choose(browser, "set", shown)
        cell = labels(browser)[framed.partition(":")[0]]
        right, n = map(int, re.match(r"(\d+) of (\d+) right", cell).groups())
        assert n == entry[f"{key}_n,attn-swap,best"]
        assert right / n == pytest.approx(entry[f"{key},attn-swap,best"])


def test_a_null_grid_says_what_the_page_does_not_have_of_it(show, tmp_path):
    browser = show(make_run(tmp_path / "one", nulls=NULLS))
    choose(browser, "strategy", "attn-swap [null other]")
    press(browser, "3→1")
    opened = browser.find_element(By.ID, "opened")
    assert opened.text.splitlines()[0] == "attn-swap [null other] 3→1"
    assert "not in this page, only its counts" in opened.text
    assert opened.find_elements(By.CSS_SELECTOR, "article, pre, button") == []
    # Judged by other answers, a null grid has no map; the strategy beside it has its own.
    choose(browser, "value", "null")
    assert cells(browser) == []
    assert "choose “right”" in browser.find_element(By.ID, "maps").text
    choose(browser, "beside", '[0,"attn-swap"]')
    assert len(cells(browser)) == 16
    assert len(browser.find_elements(By.CSS_SELECTOR, "#maps .map")) == 2
    choose(browser, "value", "right")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#maps .difference td > button")) == 16


def test_a_null_grid_of_some_examples_is_held_to_vanilla_on_them(show, tmp_path):
    run = make_run(tmp_path / "one", nulls=NULLS, n_nulls=5)
    browser = show(run)
    choose(browser, "strategy", "attn-swap [null other]")
    assert labels(browser) == counted(run, "attn-swap [null other]")
    assert all(" of 10 right" in one for one in labels(browser).values())
    choose(browser, "beside", '[0,"attn-swap"]')
    shown = browser.find_element(By.CSS_SELECTOR, ".difference").text
    assert "over 10 and 24 examples: not the same ones" in shown


def test_maps_stand_side_by_side_and_numbers_are_read_on_every_cell(show, tmp_path):
    browser = show(make_run(tmp_path / "one", nulls=NULLS))
    choose(browser, "strategy", "ffn-swap")
    choose(browser, "beside", '[0,"ffn-swap [null noise]"]')
    tables = browser.find_elements(By.CSS_SELECTOR, "#maps table")
    assert len({table.location["y"] for table in tables}) == 1
    assert len({table.location["x"] for table in tables}) == 3
    for scheme in ("light", "dark"):
        told = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", told)
        least = browser.execute_script(CONTRAST)
        assert least > 3.4, scheme
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# WCAG's contrast of every cell's number with its ground, as painted; the least of them.
CONTRAST = """
const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const luminance = (colour) => {
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((x) => x / 255)
    .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
return Math.min(...[...document.querySelectorAll("#maps td > button")].map((one) => {
  const style = getComputedStyle(one);
  const [a, b] = [luminance(style.color), luminance(style.backgroundColor)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}));
"""
