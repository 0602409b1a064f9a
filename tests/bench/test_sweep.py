"""A swept option in a bench: a strategy for each value, in one pass, known by its name."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench.chosen_values import keep_chosen
from xtransplant.bench.context import RunContext
from xtransplant.bench.pairs import Chosen
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.report.data import to_csv
from xtransplant.report.figures import save_figures
from xtransplant.report.formats import to_markdown
from xtransplant.report.summary import summarise
from xtransplant.report.sweep_lines import draw_sweeps
from xtransplant.report.tables import make_tables
from xtransplant.runs import records

SWEEP = {"strategies": ("blend",), "options": (("weight", "0:1:0.5"),), "langs": ("sw",)}
NAMES = ["blend(weight=0.0)", "blend", "blend(weight=1.0)"]


def tables(run):
    return {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}


def swept(*options):
    return replace(SMALL, **SWEEP | {"options": options})


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_sweep_holds_what_its_single_runs_hold(small, mode):
    own = {"limit": 3, "mode": mode, "max_new_tokens": 2, "pairs": "5:2,last:first"}
    every = records(small(**SWEEP, **own)).set_index("strategy")
    assert list(dict.fromkeys(every.index)) == ["vanilla", "source", *NAMES]
    for name, weight in zip(NAMES, ("0", "0.5", "1"), strict=True):
        one = records(small(**SWEEP | {"options": (("weight", weight),)}, **own))
        one = one.set_index("strategy").loc[name]
        for column in ("example", "source_layer", "target_layer", "match", "unchanged"):
            assert every.loc[name][column].tolist() == one[column].tolist()
        if mode == "generate":
            assert every.loc[name].output.tolist() == one.output.tolist()
        else:
            found = (np.stack(frame.logprobs.tolist()) for frame in (every.loc[name], one))
            np.testing.assert_allclose(*found, atol=1e-5)


def test_a_sweep_that_is_gone_on_with_holds_the_same_bytes(small):
    own = {**SWEEP, "langs": ("sw", "hi"), "limit": 6, "pairs": "diagonal"}
    whole = small(**own)
    before = tables(whole.path)
    part = sorted((whole.path / "checksums").rglob("part-00000.json"))[0]
    part.unlink()
    assert len(whole.now().missing()) == 1
    again = small(**own)
    assert again.path == whole.path
    assert tables(again.path) == before


def test_in_whatever_order_and_form_it_is_the_same_run():
    texts = ("0:1:0.5", "1:0:-0.5", "0,0.5,1", "0.5,1.0,0")
    ids = {make_plan(swept(("weight", text))).id for text in texts}
    assert len(ids) == 1
    assert make_plan(swept(("weight", "0,1"))).id not in ids


def test_tables_csv_and_figure_know_the_values(small, tmp_path):
    run = small(**SWEEP, limit=6, pairs="5:2,7:0")
    summary = summarise(run)
    frame = pd.read_csv(io.StringIO(to_csv([summary])))
    pairs = frame[(frame.kind == "pair") & (frame.level == "match")]
    assert set(zip(pairs.strategy, pairs["option:weight"], strict=True)) == {
        (name, weight) for name, weight in zip(NAMES, (0.0, 0.5, 1.0), strict=True)
    }
    assert set(pairs["option:site"]) == {"ffn"}
    assert frame[frame.kind == "vanilla"]["option:weight"].isna().all()
    text = to_markdown(make_tables([summary]))
    # The default's name leaves its value out, its label does not.
    assert "blend(weight=0.5) 5→2" in text
    assert "xtp pilot chooses a value on other examples" in text
    ((option, figure),) = draw_sweeps(make_tables([summary])[0], [summary])
    assert option == "weight"
    (axes,) = figure.axes
    handles, labels = axes.get_legend_handles_labels()
    assert {"blend 5→2", "blend 7→0", "blend, best of 2 †"} <= set(labels)
    line = handles[labels.index("blend 5→2")].lines[0]
    assert list(line.get_xdata()) == [0.0, 0.5, 1.0]
    shares = pairs[(pairs.source_layer == 5)].sort_values("option:weight").value * 100
    np.testing.assert_allclose([float(y) for y in line.get_ydata()], shares.astype(float))
    written = save_figures([summary], tmp_path, [".png"])
    assert any("-weight-" in path.stem for path in written)


def test_values_that_are_names_have_no_line_between_them(small):
    sites = {**SWEEP, "options": (("site", "attn,ffn,resid_mid"),)}
    summary = summarise(small(**sites, limit=3, pairs="5:2,7:0"))
    ((option, figure),) = draw_sweeps(make_tables([summary])[0], [summary])
    assert option == "site"
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["attn", "ffn", "resid_mid"]
    drawn = [one.lines[0] for one in axes.get_legend_handles_labels()[0] if hasattr(one, "lines")]
    assert len(drawn) > 1
    assert {line.get_linestyle() for line in drawn} == {"None"}
    # Marks at one name stand beside each other.
    assert len({round(float(line.get_xdata()[0]), 3) for line in drawn}) == len(drawn)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((("weight", "0:1:0"),), "step of 0"),
        ((("wieght", "0,1"),), "-S wieght=0,1: no strategy here has this option"),
        ((("weight", "0:1:0.01"), ("site", "attn,ffn,resid_mid")), "303 values"),
    ],
)
def test_sweeps_that_are_none(options, words):
    with pytest.raises(XTransplantError, match=words):
        make_plan(swept(*options))


def test_a_pilot_chooses_the_value_with_the_pairs(babel_model, tmp_path):
    said: list[str] = []
    context = RunContext(tmp_path, say=said.append)
    config = replace(SMALL, **SWEEP | {"langs": ("sw", "hi")}, limit=8, pairs="source-last")
    done = pilot(config, context, model=babel_model, apply_limit=6)
    found = records(done.first)
    own = found[found.strategy.isin(NAMES)]
    hits = own.groupby(["strategy", "lang", "target_layer"]).match.sum()
    totals = {name: sum(hits[name, lang].max() for lang in ("sw", "hi")) for name in NAMES}
    best = max(NAMES, key=lambda name: totals[name])
    assert sorted(totals.values())[-2] < totals[best]  # it is a choice
    assert {strategy for _, strategy, _ in done.chosen.pairs} == {best}
    assert list(done.second.manifest.strategies) == [best]
    for lang in ("sw", "hi"):
        _, j = done.chosen.find("babel", best, lang)
        assert hits[best, lang, j] == hits[best, lang].max()
    assert any(line.startswith(f"{best} is chosen with its pairs") for line in said)
    # The same sweep with the file that was written is that run.
    pairs = f"@{done.written}"
    plan = make_plan(replace(config, split="unseen", limit=6, pairs=pairs), say=said.append)
    assert plan.id == done.second.manifest.id
    others = ", ".join(name for name in NAMES if name != best)
    assert any(line.endswith(f"chose {best}, so {others} are not run") for line in said)


def test_values_that_are_named_one_by_one_are_no_sweep():
    chosen = Chosen("run x", {("babel", "blend(weight=0.0)", "sw"): (1, 2)})
    assert keep_chosen([["blend(weight=0.0)"], ["blend"]], chosen, print) == [
        "blend(weight=0.0)", "blend",
    ]  # fmt: skip
