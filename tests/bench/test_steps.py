"""How far a part is while nothing of it is stored, and what an interrupt leaves."""

import pytest

from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.run import bench
from xtransplant.bench.sizes import part_size
from xtransplant.bench.steps import Steps

CONFIG = Config(("babel",), ("attn-swap",), langs=("sw",), limit=3, pairs="1:1")


def test_steps_tell_each_example_before_it_is_found():
    told = []
    steps = Steps(lambda at, done: told.append((at, done)), total=4)

    def found():
        for k in range(2):
            assert told[-1][0] == f"x on {k + 1} of 2"
            yield k

    assert steps.over("x", 1, 2, found()) == [0, 1]
    assert [done for _, done in told] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("only", ["all", "gap"])
@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_run_says_how_far_its_part_is(babel_model, tmp_path, mode, only):
    seen = []
    config = Config(
        CONFIG.tasks, ("attn-swap", "none"), langs=("sw",), limit=3, pairs="1:1", mode=mode,
        only=only, max_new_tokens=2, baselines=("concat",),
    )  # fmt: skip
    bench(config, RunContext(tmp_path, step=seen.append), model=babel_model)
    within = [one.within for one in seen]
    assert within == sorted(within)
    assert within[0] == 0
    assert within[-1] <= 3
    if only == "all":
        assert within[-1] == pytest.approx(3)
    assert {one.done for one in seen} == {0}
    assert any(one.at == "attn-swap on 2 of 3" for one in seen) or only == "gap"
    assert all(one.left is None or one.left >= 0 for one in seen)


def test_an_interrupt_says_what_is_kept_and_the_same_call_goes_on(babel_model, tmp_path):
    said = []

    def interrupt(progress):
        if progress.at.startswith("attn-swap on 2"):
            raise KeyboardInterrupt

    context = RunContext(tmp_path, say=said.append, step=interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench(CONFIG, context, model=babel_model)
    [line] = said
    assert line.startswith("0 of 3 examples are stored in")
    assert "at most 3 examples" in line
    run = bench(CONFIG, RunContext(tmp_path), model=babel_model)
    assert not run.missing()
    assert str(run.path) in line


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_part_is_the_smaller_the_more_it_costs(mode):
    sizes = [part_size(mode, n) for n in (1, 64, 1024, 10**6)]
    raw = [part_size(mode, n, raw=True) for n in (1, 64, 1024, 10**6)]
    assert sizes == sorted(sizes, reverse=True)
    assert min(raw) == 1
    assert all(one <= other for one, other in zip(raw, sizes, strict=True))
