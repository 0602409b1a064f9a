"""A combination in a bench is a strategy like any other: named, resumed, piloted, reported."""

from dataclasses import replace

import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench.context import RunContext
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.report.document import write_report
from xtransplant.runs.read import cells

NAME = "attn-swap + blend(site=resid_post, weight=0.25)"
BOTH = replace(SMALL, strategies=("attn-swap+blend(weight=0.25, site=resid_post)",), limit=4)


def ran(run):
    """What a run says is right, by strategy and language."""
    return {
        (name, lang): found.right.tolist()
        for lang in ("sw", "hi")
        for name, found in cells(run, "babel", lang)
    }


def test_it_is_run_resumed_piloted_and_reported(babel_model, tmp_path):
    run = bench(BOTH, RunContext(tmp_path), model=babel_model)
    entry = run.manifest.strategies[NAME]
    assert [one["name"] for one in entry["parts"]] == ["attn-swap", "blend"]
    assert entry["parts"][1]["options"] == {"site": "resid_post", "weight": 0.25}
    assert entry["source_hash"] not in {one["source_hash"] for one in entry["parts"]}
    whole = ran(run)
    assert (NAME, "sw") in whole

    # A part is lost; the run goes on by the name that it prints.
    again = replace(BOTH, strategies=(NAME,))
    next((run.path / "records").glob("**/*.parquet")).unlink()
    resumed = bench(again, RunContext(tmp_path), model=babel_model)
    assert resumed.path == run.path
    assert ran(resumed) == whole

    done = pilot(again, RunContext(tmp_path), model=babel_model)
    assert done.first.path == run.path
    assert ("babel", NAME, "sw") in done.chosen.pairs
    out = tmp_path / "out"
    write_report([run.path, done.second.path], formats=("markdown", "csv"), output=out)
    assert NAME in (out / "report.csv").read_text()
    assert "attn-swap + blend(site=resid" in (out / "report.md").read_text()


def test_order_and_options_are_of_its_identity():
    def plan(text, options=()):
        return make_plan(replace(BOTH, strategies=(text,), options=options))

    ids = {
        plan(text).id
        for text in ("attn-swap + ffn-swap", "ffn-swap + attn-swap", "attn-swap + blend", NAME)
    }
    assert len(ids) == 4
    weighed = plan("attn-swap + blend(site=resid_post)", (("weight", "0.25"),))
    assert weighed.id == plan(NAME).id
    with pytest.raises(XTransplantError, match="-S weight=1: strategy blend"):
        plan(NAME, (("weight", "1"),))
    with pytest.raises(XTransplantError, match="no strategy here has this option"):
        plan("attn-swap + ffn-swap", (("weight", "1"),))
