"""The report as one page: what is in it is what the run holds, and it asks for nothing."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from made_runs import N, make_run

from xtransplant.benchmarks.perf.records import make_run as make_large_run
from xtransplant.report.data import to_frame
from xtransplant.report.page.render import to_html
from xtransplant.report.page.scored import of_candidates
from xtransplant.report.summary import summarise
from xtransplant.runs.read import records
from xtransplant.tasks.nulls import NULLS
from xtransplant.tasks.task import bundled_checkpoint

LEVELS = ("strict", "match", "lenient")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("page") / "one")


@pytest.fixture(scope="module")
def page(run):
    return to_html([summarise(run)])


def data_of(page):
    """What the page's script unpacks."""
    packed = re.search(r'<script type="text/plain" id="records">([^<]*)</script>', page)[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_every_record_is_in_it_and_adds_up_to_the_counts(run, page):
    (group,) = data_of(page)["groups"]
    frame = records(run.path)
    for own in group["languages"]:
        for name, found in own["strategies"].items():
            width = len(found["inside"])
            assert found["inside"] == found["pairs"]
            bits = np.array(found["records"]["right"]).reshape(N, width)
            said = np.array(found["records"]["said"]).reshape(N, width)
            rows = frame[(frame["lang"] == own["lang"]) & (frame["strategy"] == name)]
            assert len(rows) == bits.size
            for row in rows.itertuples():
                at = found["pairs"].index([row.source_layer, row.target_layer])
                wanted = sum(getattr(row, level) << k for k, level in enumerate(LEVELS))
                assert bits[row.example, at] == wanted
                assert group["words"][said[row.example, at]] == row.output
            for k, level in enumerate(LEVELS):
                counted = (bits >> k & 1).sum(axis=0).tolist()
                assert found["counts"][level]["all"]["right"] == counted
                assert found["counts"][level]["all"]["n"] == [N] * width


def test_too_many_records_leave_the_best_pair_of_each_strategy(run, page):
    (group,) = data_of(to_html([summarise(run)], most_records=10))["groups"]
    (whole,) = data_of(page)["groups"]
    assert not group["every_pair"]
    for own, every in zip(group["languages"], whole["languages"], strict=True):
        for name, found in own["strategies"].items():
            counts = found["counts"]["match"]["all"]["right"]
            (pair,) = found["inside"]
            at = found["pairs"].index(pair)
            assert counts[at] == max(counts)
            assert counts == every["strategies"][name]["counts"]["match"]["all"]["right"]
            inside = every["strategies"][name]["records"]["right"][at :: len(counts)]
            assert found["records"]["right"] == inside


@pytest.mark.parametrize("n", [N, 5])
def test_null_grids_are_in_it_by_their_counts_alone(tmp_path, n):
    nulls = {"attn-swap": "other", "ffn-swap": "noise"}
    run = make_run(tmp_path / "one", nulls=nulls, n_nulls=n)
    summary = summarise(run)
    (group,) = data_of(to_html([summary]))["groups"]
    assert group["strategies"] == ["attn-swap", "ffn-swap"] == list(group["marked"])
    assert group["nulls"] == {
        "attn-swap [null other]": NULLS["other"], "ffn-swap [null noise]": NULLS["noise"],
    }  # fmt: skip
    # What xtp report --format csv says of each cell.
    rows = to_frame([summary])
    said = rows[(rows["kind"] == "pair") & (rows["null_grid"] != "")]
    vanilla, seen = records(run.path).query("strategy == 'vanilla' and example < @n"), 0
    for own in group["languages"]:
        assert list(own["nulls"]) == list(group["nulls"])
        for name, found in own["nulls"].items():
            assert found["inside"] == []
            assert "records" not in found
            for level in LEVELS:
                counts = found["counts"][level]["all"]
                assert counts["null"] == [None] * len(found["pairs"])
                before = vanilla[vanilla["lang"] == own["lang"]][level]
                assert found["vanilla_rates"][level] == [before.sum(), n]
                for (i, j), right, of in zip(
                    found["pairs"], counts["right"], counts["n"], strict=True
                ):
                    (row,) = said[
                        (said["lang"] == own["lang"]) & (said["level"] == level)
                        & (said["strategy"] + " [null " + said["null_grid"] + "]" == name)
                        & (said["source_layer"] == i) & (said["target_layer"] == j)
                    ].itertuples()  # fmt: skip
                    assert (row.right, row.n) == (right, of)
                    assert of == n
                    seen += 1
    assert seen == len(said) == 2 * 2 * 3 * 16


def test_of_scores_it_has_the_likeliest_candidate_and_the_answers_share(tmp_path):
    run, _ = make_large_run(tmp_path / "scores", 14 * 1024, mode="score")
    (group,) = data_of(to_html([summarise(run)]))["groups"]
    frame = records(run.path, lang="sw")
    own = next(one for one in group["languages"] if one["lang"] == "sw")
    found = own["strategies"]["ffn-swap"]
    rows = frame[frame["strategy"] == "ffn-swap"]
    assert len(rows) == len(found["records"]["said"]) > 1000
    for row, said, share in zip(
        rows.itertuples(), found["records"]["said"], found["records"]["share"], strict=True
    ):
        example = own["examples"][row.example]
        weights = np.exp(np.array(row.logprobs, dtype=float))
        answer = example["candidates"].index(example["answer"])
        assert said == int(np.argmax(row.logprobs))
        assert share == pytest.approx(1000 * weights[answer] / weights.sum(), abs=0.51)


def test_an_answers_rank_and_log_probability_say_where_they_are_bounds():
    logprobs = [[-3.0, -1.0, -2.0], [-3.0, -1.0, -2.0], [-3.0, -1.0], [-np.inf, -1.0], None, [-1.0]]
    bounds = [None, [False, True, False], [True, False], None, None, None]
    found = of_candidates(logprobs, bounds, np.array([0, 0, 0, 0, 0, -1]))
    assert found.said.tolist() == [1, 1, 1, 1, -1, 0]
    assert found.below.tolist() == [3000, 3000, 3000, -1, -1, -1]
    # A candidate that is a bound need not stand before the answer; of an answer that is, those
    # before it do.
    assert found.rank.tolist() == [3, 2, 2, 2, -1, -1]
    assert found.bound.tolist() == [0, 2, 3, 0, 0, 0]
    assert (found.share >= 0).tolist() == [True, False, False, True, False, False]


def test_what_does_a_cell_again_names_the_bundled_model_by_its_name(tmp_path):
    own = bundled_checkpoint("babel")
    (group,) = data_of(to_html([summarise(make_run(tmp_path / "own", model=own))]))["groups"]
    assert group["trace"][:4] == ["xtp", "trace", "-m", "babel"]
    assert group["load"][0] == "from xtransplant.benchmarks.babel import CHECKPOINT"
    assert group["load"][-1] == "model = xt.load(CHECKPOINT)"
    assert own not in json.dumps(group)


def test_the_same_runs_make_the_same_page(run, page):
    assert to_html([summarise(run)]) == page


class _Asks(HTMLParser):
    """What a page would fetch, and scripts and styles beyond the two that its policy names."""

    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.found += [value for name, value in attrs if name in ("src", "href", "action", "style")]
        self.found += [name for name, _ in attrs if name.startswith("on")]


def test_it_asks_for_nothing(page):
    asks = _Asks()
    asks.feed(page)
    assert asks.found == []
    assert asks.tags.count("style") == 1
    assert asks.tags.count("script") == 2
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src &#39;none&#39;") or policy.startswith(
        "default-src 'none'"
    )
    assert "http" not in policy
    assert not re.search(r"https?://", page)


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.\x1b[31m"


def test_hostile_names_are_shown_and_not_run(tmp_path):
    run = make_run(tmp_path / "hostile", model=HOSTILE, langs=("sw",))
    page = to_html([summarise(run)])
    asks = _Asks()
    asks.feed(page)
    assert asks.tags.count("script") == 2
    assert "img" not in asks.tags
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "\u202e" not in json.dumps(data_of(page), ensure_ascii=False)
    assert r"\u202e" in page


def test_in_words_it_says_what_the_tables_say(tmp_path):
    chosen = {"sw": (3, 1), "zh": (3, 1)}
    run = make_run(tmp_path / "unseen", own_pairs=chosen, split="unseen")
    summary = summarise(run)
    page = to_html([summary])
    counts = [
        own.strategies["ffn-swap"]["match"] for own in summary.tasks["xnli"].languages.values()
    ]
    right, n = sum(one.hits[3, 1] for one in counts), sum(one.n for one in counts)
    vanilla = [own.vanilla["match"] for own in summary.tasks["xnli"].languages.values()]
    before = 100 * sum(one.right for one in vanilla) / n
    says = re.search(r"<li>(ffn-swap[^<]*)</li>", page)[1]
    assert f"{100 * right / n:.1f}% of {n} [" in says
    assert f"it gains {100 * right / n - before:+.1f} points [" in says
    assert "no result" not in says
