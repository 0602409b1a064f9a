"""Real weights: strategies of several writes against plain hooks; every strategy by its name."""

from importlib.metadata import entry_points

import numpy as np
import pytest
from formulas import FORMULAS, at_place
from plain import capital, item
from reference import continued_under, likelihood, read_lasts

from xtransplant import find_strategy
from xtransplant.bench.fit import fit
from xtransplant.bench.fit_flags import FitFlags
from xtransplant.bench.flags import BenchFlags, PilotFlags, RunFlags, WhatFlags
from xtransplant.bench.parse import parse_bench, parse_pilot
from xtransplant.bench.parse_fit import parse_fit
from xtransplant.bench.pilot import pilot
from xtransplant.bench.run import bench
from xtransplant.bench.trace import compute_grid
from xtransplant.bench.trace_config import parse_trace, plan_trace
from xtransplant.bench.trace_flags import PromptFlags, TraceFlags
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.greedy import end_ids
from xtransplant.packing import MASKED, ROWS, SHARED

LANGS = ["es", "tr"]
N_NEW = 5
OF_SOURCES = {"resid-mean-swap"}  # of several source prompts
ALIGNED = "aligned-swap"  # of data that say which words go together, as these tasks do not
NAMES = sorted(one.name for one in entry_points(group="xtransplant.strategies"))


def grid(real, text, **flags):
    """One grid, as ``xtp trace`` runs it."""
    prompt = PromptFlags(task="capitals", lang="tr", split="unseen", **flags)
    layers = f"0,{real.model.n_layers // 2}"
    asked = TraceFlags(
        text, str(real.path), prompt=prompt, source_layers=layers, target_layers=layers
    )
    return compute_grid(plan_trace(parse_trace(asked)), real.model)


def fitted(real, name, folder):
    """A strategy's name with what it takes: a fit to other examples than are run."""
    if not find_strategy(name).is_fitted:
        return name
    asked = FitFlags(folder, ["capitals"], str(real.path), langs=LANGS, last=3)
    config, context = parse_fit(name, asked)
    fit(config, context, last=asked.last, model=real.model)
    return f"{name}(fit={folder})"


@pytest.mark.parametrize("text", FORMULAS)
def test_scores_and_texts_equal_plain_hooks(real, text):
    model, asked = real.model, item(real, capital("tr"))
    module, last = model.module, len(asked.target) - 1
    pairs = [(model.n_layers // 2, model.n_layers // 2 - 1), (model.n_layers - 2, 0)]
    variants = [find_strategy(text).edits(shape_of(model), i, j) for i, j in pairs]
    decoding, ends = Decoding(N_NEW, source_text=False), end_ids(model)
    found = {
        way: (
            next(score_items(model, [asked], variants, packing=way)),
            next(generate_items(model, [asked], variants, packing=way, decoding=decoding)),
        )
        for way in (SHARED, MASKED, ROWS)
    }

    def read(site, layer):
        return read_lasts(module, asked.source, [(site, layer)])[site, layer]

    for n, (i, j) in enumerate(pairs):
        acts = at_place(FORMULAS[text](read, i, j), last)
        ids = asked.target_candidates
        after = continued_under(module, acts, asked.target, ids)
        wanted = [likelihood(*one) for one in zip(after, ids, strict=True)]
        said: list[int] = []
        while len(said) < N_NEW and not (said and said[-1] in ends):
            (follows,) = continued_under(module, acts, asked.target, [said])
            said.append(int(follows[-1].argmax()))
        for way, (scores, texts) in found.items():
            np.testing.assert_allclose(scores.logprobs[n], wanted, atol=1e-3, err_msg=str(way))
            assert list(texts.token_ids[n]) == said, way
        assert np.abs(found[SHARED][0].logprobs[n] - found[SHARED][0].vanilla).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_each_strategy_is_traced_by_name(real, name, tmp_path):
    more = {"sources": ["en", "de"]} if name in OF_SOURCES else {}
    more |= {"alignment": "0-0 1-1"} if name == ALIGNED else {}
    found = grid(real, fitted(real, name, tmp_path / name), **more)
    assert np.isfinite(found.scores.logprobs).all()
    moved = np.abs(found.scores.logprobs - found.scores.vanilla).max()
    assert moved < 1e-4 if name == "none" else moved > 1e-3


@pytest.mark.parametrize("verb", ["bench", "pilot"])
def test_all_strategies_run_by_name_in_one(real, verb, tmp_path):
    asked = sorted({*NAMES} - {ALIGNED})
    names = [fitted(real, name, tmp_path / name) for name in asked]
    what = WhatFlags(["capitals"], names, model=str(real.path), langs=LANGS, sources=["en", "de"])
    run = RunFlags(output_path=tmp_path / "runs")
    if verb == "bench":
        config, context = parse_bench(
            BenchFlags(what, pairs="2:0,0:2", split="unseen", limit=1, run=run)
        )
        runs = [bench(config, context, model=real.model)]
    else:
        # The fits are of the last three pilot examples.
        config, context = parse_pilot(PilotFlags(what, pairs="2:0,0:2", limit=1, run=run))
        runs = list(pilot(config, context, apply_to="unseen", apply_limit=1).runs)
    for one in runs:
        assert {entry["name"] for entry in one.manifest.strategies.values()} == set(asked)
        assert not one.missing()
