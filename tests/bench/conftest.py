"""A bench of Babel, small enough to be run often."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small_bench import FIT, SMALL

from xtransplant import load
from xtransplant.bench.context import RunContext
from xtransplant.bench.fit import fit
from xtransplant.bench.run import bench
from xtransplant.benchmarks.babel import CHECKPOINT


@pytest.fixture(scope="session")
def babel_model():
    return load(CHECKPOINT)


def ignore(progress):
    """Watch nothing."""


@pytest.fixture
def small(babel_model, tmp_path):
    """Run the small bench, some of its settings changed; into ``tmp_path`` unless told where."""

    def call(output=None, *, model=babel_model, fresh=False, shard=None, watch=ignore, **changes):
        context = RunContext(output or tmp_path, fresh=fresh, shard=shard, watch=watch)
        return bench(replace(SMALL, **changes), context, model=model)

    return call


@pytest.fixture(scope="session")
def fitted(babel_model, tmp_path_factory):
    """Fits of the two first strategies, to five facts in two languages."""
    found = {}
    for name in ("diff-means", "recover"):
        folder = tmp_path_factory.mktemp(name)
        found[name] = fit(replace(FIT, strategies=(name,)), RunContext(folder), model=babel_model)
    return found
