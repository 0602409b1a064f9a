"""``--sources``: the same items in further languages are sources too."""

from dataclasses import replace

import numpy as np
import pytest
from small_bench import SMALL

from xtransplant import Example, XTransplantError, transplant
from xtransplant.bench.plan import make_plan
from xtransplant.cli.app import run as xtp
from xtransplant.report.document import write_report
from xtransplant.report.summary import summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import examples, records
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

MEAN = {"strategies": ("resid-mean-swap",), "sources": ("zh", "en", "sw", "ru"), "pairs": "4:4,2:1",
        "limit": 3}  # fmt: skip


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_bench_is_the_grid_of_each_example_with_its_counterparts(small, babel_model, mode):
    run = small(**MEAN, langs=("sw",), mode=mode, max_new_tokens=3)
    found = records(run)
    english = [one.source for one in load_examples(find_task("babel"), "sw").examples]
    own = {
        code: {one.source: one.target for one in load_examples(find_task("babel"), code).examples}
        for code in ("zh", "ru")
    }
    example = load_examples(find_task("babel"), "sw").examples[2]
    several = replace(
        example, sources=tuple((code, texts[english[2]]) for code, texts in own.items())
    )
    assert list(examples(run).sources[2]) == [text for _, text in several.sources]
    # English and Swahili are passed over: their prompts are source and target already.
    assert (
        make_plan(replace(SMALL, **MEAN, langs=("sw",))).tasks["babel"].examples["sw"][2] == several
    )
    grid = transplant(
        babel_model, several, "resid-mean-swap", source_layers=[2, 4], target_layers=[1, 4],
        scores=mode == "score",
        generations=mode == "generate", max_new_tokens=3,
    )  # fmt: skip
    for pair in ((4, 4), (2, 1)):
        [row] = found[
            (found.example == 2) & (found.source_layer == pair[0])
            & (found.target_layer == pair[1])
        ].itertuples()  # fmt: skip
        place = list(grid.pairs).index(pair)
        if mode == "score":
            assert np.abs(row.logprobs - grid.scores.logprobs[place]).max() < 1e-4
        else:
            assert row.output == grid.generations.outputs[place]


def test_it_goes_on_where_it_was_left_and_other_sources_are_another_run(small, tmp_path):
    whole = small(tmp_path / "whole", **MEAN)
    small(tmp_path / "two", shard=(1, 2), **MEAN)
    run = small(tmp_path / "two", **MEAN)
    for path in sorted(whole.path.glob("*/task=*/**/*.parquet")):
        assert (run.path / path.relative_to(whole.path)).read_bytes() == path.read_bytes()
    assert make_plan(replace(SMALL, **{**MEAN, "sources": ("zh",)})).id != whole.manifest.id


def test_in_a_report_the_items_are_those_of_any_run(small):
    mean, plain = small(**MEAN), small(strategies=("resid-swap",), pairs="4:4,2:1", limit=3)
    (table,) = make_tables([summarise(plain), summarise(mean)])
    assert sum(row.key == "vanilla" for row in table.rows) == 1
    assert not any("other examples" in note for note in table.notes)
    (text,) = write_report([mean.path], formats=["markdown"]).texts
    assert "counterparts in zh, en, sw, ru" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sources": ()}, "resid-mean-swap takes the mean .* --sources CODE,CODE"),
        ({"strategies": ("none",)}, "--sources zh,en,sw,ru does nothing for none: .*source.mean"),
        ({"sources": ("sw", "en")}, "--sources sw,en names no further source for babel in sw"),
        ({"sources": ("tlh",)}, "no language 'tlh'"),
        ({"sources": ("zh",), "direction": "lang-to-en"},
         "--sources zh: 3 of the 3 items of babel pilot in sw are not there in zh"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(changes, said):
    with pytest.raises(XTransplantError, match=said) as error:
        make_plan(replace(SMALL, langs=("sw",), **{**MEAN, **changes}))
    assert "\n" not in str(error.value)


def test_a_trace_takes_them_too(capsys):
    one = ["trace", "-s", "resid-mean-swap", "--source-layers", "4", "--target-layers", "4"]
    assert xtp([*one, "--sources", "zh,ru", "--json", "-q"]) == 0
    assert '"resid-mean-swap"' in capsys.readouterr().out
    for more, said in (
        ([], "--sources CODE,CODE"),
        (["--source", "a", "--target", "b", "--sources", "zh"], "--sources zh chooses from a task"),
    ):
        assert xtp([*one, *more]) == 2
        assert said in capsys.readouterr().err


def test_an_example_of_ones_own_has_its_own(babel_model):
    example = Example("Q: 2?", "S: 2?", sources=(("fr", "Q: deux ?"),))
    grid = transplant(
        babel_model, example, "resid-mean-swap", scores=False, generations=True, max_new_tokens=1
    )
    assert len(grid.generations.outputs) == 64
