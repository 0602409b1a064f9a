"""The report's page in a real browser: clicked, filtered, walked by keyboard, hostile, large."""

import re

import numpy as np
import pytest
from made_runs import make_run

from xtransplant.benchmarks.perf.records import make_run as make_large_run
from xtransplant.report.summary import summarise, tallies_of
from xtransplant.runs.read import examples, records
from xtransplant.stats.selection import choose_pair, sum_hits

pytest.importorskip("selenium")

from in_browser import choose, needs_browser, press, said_and_painted
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

pytestmark = needs_browser


def chips(browser):
    found = browser.find_elements(By.CSS_SELECTOR, ".chips button")
    return {one.text.rpartition(":")[0]: int(one.text.rpartition(":")[2]) for one in found}


def test_a_cell_opens_the_examples_that_it_mends_and_breaks(show, tmp_path):
    run = make_run(tmp_path / "one")
    browser = show(run)
    choose(browser, "strategy", "ffn-swap")
    press(browser, "3→1")
    frame = records(run.path)
    before = frame[frame["strategy"] == "vanilla"].set_index(["lang", "example"])["match"]
    cell = (frame["source_layer"] == 3) & (frame["target_layer"] == 1)
    after = frame[(frame["strategy"] == "ffn-swap") & cell]
    after = after.set_index(["lang", "example"])["match"]

    def expected(languages):
        pairs = [(bool(before[at]), bool(after[at])) for at in after.index if at[0] in languages]
        return {
            "fixed": pairs.count((False, True)),
            "broken": pairs.count((True, False)),
            "right in both": pairs.count((True, True)),
            "wrong in both": pairs.count((False, False)),
        }

    assert chips(browser) == expected({"sw", "zh"})
    choose(browser, "lang", "sw")
    assert chips(browser) == expected({"sw"})
    shown = browser.find_elements(By.CSS_SELECTOR, "article")
    assert len(shown) == expected({"sw"})["fixed"] > 0
    assert "transplanted" in shown[0].text


def test_every_choice_redraws_and_an_example_has_a_grid_and_a_command(show, tmp_path):
    browser = show(make_run(tmp_path / "one"), make_run(tmp_path / "two", seed=4))
    seen = {
        (name, value): _after(browser, name, value)
        for name, value in [
            ("value", "right"), ("value", "null"), ("lang", "zh"),
            ("set", "gap"), ("group", "1"),
        ]
    }  # fmt: skip
    assert len(set(seen.values())) == len(seen)
    choose(browser, "set", "all")
    choose(browser, "beside", '[0,"attn-swap"]')
    assert len(browser.find_elements(By.CSS_SELECTOR, ".map")) == 3
    press(browser, "3→1")
    article = browser.find_element(By.CSS_SELECTOR, "article")
    for button in article.find_elements(By.TAG_NAME, "button"):
        button.click()
    assert len(article.find_elements(By.CSS_SELECTOR, "td > button")) == 16
    command, python = (one.text for one in article.find_elements(By.TAG_NAME, "pre"))
    assert command.startswith("xtp trace -m org/model --task xnli --split pilot")
    assert command.endswith("--source-layers 3 --target-layers 1")
    compile(python, "python", "exec")


def _after(browser, name, value):
    choose(browser, name, value)
    return browser.find_element(By.ID, "maps").text


def test_a_grid_is_walked_and_opened_by_keyboard_alone(show, tmp_path):
    browser = show(make_run(tmp_path / "one"))
    # Into the grid by Tab, which stops there once.
    for _ in range(12):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element.get_attribute("aria-label"):
            break
    browser.switch_to.active_element.send_keys(Keys.DOWN)
    browser.switch_to.active_element.send_keys(Keys.RIGHT, Keys.NULL)
    browser.switch_to.active_element.send_keys(Keys.RIGHT)
    now = browser.switch_to.active_element
    assert now.get_attribute("aria-label").startswith("1→2:")
    now.send_keys(Keys.ENTER)
    assert "1→2" in browser.find_element(By.CSS_SELECTOR, "#opened h3").text
    # Where it was, and pressed.
    now = browser.switch_to.active_element
    assert now.get_attribute("aria-label").startswith("1→2:")
    assert now.get_attribute("aria-pressed") == "true"
    now.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text.startswith("fixed")


def test_hostile_output_is_text(show, tmp_path):
    name = "</script><script>document.title='owned'</script><img src=//x onerror=alert(1)>\u202e"
    browser = show(make_run(tmp_path / "one", model=name, langs=("sw",)))
    press(browser, "3→1")
    article = browser.find_element(By.CSS_SELECTOR, "article")
    assert "<b>&" in article.text
    assert browser.title != "owned"
    assert browser.find_elements(By.CSS_SELECTOR, "img, article b") == []
    assert "\\u202e" in browser.find_element(By.TAG_NAME, "h1").text


def test_two_strategies_differ_by_what_their_records_say(show, tmp_path):
    run = make_run(tmp_path / "one")
    browser = show(run)
    choose(browser, "strategy", "ffn-swap")
    choose(browser, "value", "right")
    choose(browser, "beside", '[0,"attn-swap"]')
    rows = records(run)
    right = rows[rows.strategy.isin(["attn-swap", "ffn-swap"])].groupby(
        ["strategy", "source_layer", "target_layer"]
    ).match.mean()  # fmt: skip
    shown = browser.find_elements(By.CSS_SELECTOR, "#maps .difference td > button")
    assert len(shown) == 16
    for button in shown:
        pair, _, value = button.get_attribute("title").partition(": ")
        i, j = map(int, pair.split("→"))
        expected = 100 * (right["ffn-swap", i, j] - right["attn-swap", i, j])
        value, _, counted = value.partition("; ")
        assert float(value) == pytest.approx(expected, abs=0.051)
        hits = [round(24 * right[name, i, j]) for name in ("ffn-swap", "attn-swap")]
        assert counted == f"{hits[0]} of 24 right, and {hits[1]} of 24"


def test_of_pairs_that_are_as_good_the_one_is_framed_that_is_chosen(show, tmp_path):
    run = make_run(tmp_path / "one", seed=1)
    page, (task,), tied = show(run), summarise(run).tasks.values(), 0
    for name in ("attn-swap", "ffn-swap"):
        choose(page, "strategy", name)
        tallies = tallies_of(task, name, "match")
        for lang in ("", *tallies):
            choose(page, "lang", lang)
            hits = sum_hits([tallies[one].hits for one in ([lang] if lang else tallies)])
            (framed,) = page.find_elements(By.CSS_SELECTOR, "#maps button.best")
            i, j = choose_pair(hits)
            assert framed.get_attribute("aria-label").startswith(f"{i}→{j}:")
            tied += max(hits, key=lambda pair: hits[pair]) != (i, j)
    assert tied


def medians(run):
    """Of ffn-swap, by what is shown and pair: log-probability, rank and recovery, from records."""
    said, frame = examples(run.path), records(run.path)
    found = {}
    for lang, own in frame.groupby("lang"):
        of = said[said.lang == lang].set_index("example")
        answers = {k: list(row.candidates).index(row.answer) for k, row in of.iterrows()}
        plain = own[own.strategy == "vanilla"].set_index("example").logprobs
        source = own[(own.strategy == "source") & own.match.notna()].set_index("example").logprobs
        for row in own[own.strategy == "ffn-swap"].itertuples():
            at, k = answers[row.example], row.example
            values = found.setdefault((row.source_layer, row.target_layer), ([], [], []))
            values[0].append(row.logprobs[at])
            values[1].append(1 + int((np.array(row.logprobs) > row.logprobs[at]).sum()))
            if k in source.index and source[k][at] > plain[k][at]:
                gap = source[k][at] - plain[k][at]
                values[2].append((row.logprobs[at] - plain[k][at]) / gap)
    return {
        "logprob": {pair: np.mean(own[0]) for pair, own in found.items()},
        "rank": {pair: np.median(own[1]) for pair, own in found.items()},
        "recovery": {pair: np.median(own[2]) if own[2] else np.nan for pair, own in found.items()},
    }


def test_maps_of_scores_have_log_probability_rank_and_recovery(show, tmp_path):
    run, _ = make_large_run(tmp_path / "scores", 14 * 1024, mode="score")
    browser = show(run)
    choose(browser, "strategy", "ffn-swap")
    for value, by_pair in medians(run).items():
        choose(browser, "value", value)
        labels, background = zip(*said_and_painted(browser), strict=True)
        assert len(labels) == len(by_pair)
        for label in labels:
            i, j = map(int, label.partition(":")[0].split("→"))
            shown = re.search(r"; (?:mean|median) (-?[\d.]+) over", label)
            if np.isnan(by_pair[i, j]):
                assert "not known" in label
            else:
                # The page keeps thousandths of a nat.
                assert float(shown[1]) == pytest.approx(by_pair[i, j], abs=0.02, rel=0.02)
        assert len(set(background)) > 3 or value != "logprob"  # others are alike at random
    Select(browser.find_element(By.ID, "beside")).select_by_index(1)
    assert "recovery" in browser.find_element(By.CSS_SELECTOR, ".difference h3").text


def test_texts_have_no_maps_of_candidates(show, tmp_path):
    browser = show(make_run(tmp_path / "run"))
    options = {one.get_attribute("value"): one.is_enabled()
               for one in Select(browser.find_element(By.ID, "value")).options}  # fmt: skip
    assert options == {"change": True, "right": True, "null": True, "share": False,
                       "logprob": False, "rank": False, "recovery": False}  # fmt: skip
