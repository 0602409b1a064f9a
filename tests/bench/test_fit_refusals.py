"""What is fitted on other things, or tried on the same, is refused in a line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small_bench import FIT
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load, transplant
from xtransplant.bench.context import RunContext
from xtransplant.bench.fit import fit
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.engine.score import score
from xtransplant.packing import SHARED
from xtransplant.strategies import load_fit
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

IN_TWO = replace(EXAMPLE, source_lang="en", target_lang="sw")


def test_what_was_fitted_on_is_not_evaluated(babel_model, fitted, tmp_path):
    used = replace(FIT, options=(("fit", fitted["diff-means"].path),))
    with pytest.raises(XTransplantError, match="was fitted on 10 of these 10 examples of babel"):
        make_plan(used)
    with pytest.raises(XTransplantError, match="was fitted on 10 of these 20 examples"):
        make_plan(replace(used, limit=10))
    # The same facts in a language that was not fitted are the same items.
    with pytest.raises(XTransplantError, match="was fitted on 5 of these 5 examples"):
        make_plan(replace(used, langs=("ru",)))
    with pytest.raises(XTransplantError, match="was fitted on"):
        pilot(used, RunContext(tmp_path), model=babel_model)
    assert make_plan(replace(used, split="unseen")).tasks


def refused(work, *words):
    with pytest.raises(XTransplantError) as caught:
        work()
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


def test_a_fit_of_something_else_is_refused_in_a_line(babel_model, fitted, tmp_path):
    mine = fitted["diff-means"].path
    chosen = find_strategy("diff-means").with_options({"fit": mine})
    pairs = [(0, 1)]

    def scored(strategy, model=babel_model, example=IN_TWO):
        return lambda: score(model, example, strategy, pairs, packing=SHARED)

    tiny = load(tiny_checkpoint("llama"))
    refused(scored(chosen, tiny), "is of another model", "whose n_layers is 8, not 4")
    changed = load(babel_model.name)
    changed.module.model.layers[0].mlp.down_proj.weight.data[0, 0] += 1
    refused(scored(chosen, changed), "is of another model", "whose weights is")
    refused(scored(find_strategy("diff-means")), "needs a fit", "xtp fit diff-means --task")
    refused(
        lambda: find_strategy("recover").with_options({"fit": mine}),
        "made for strategy diff-means, not for recover",
    )
    refused(scored(chosen, example=EXAMPLE), "the target's is not known", "en, sw, hi")
    refused(scored(chosen.with_options({"lang": "zz"})), "no language 'zz'", "en, sw, hi")
    refused(lambda: load_fit(str(tmp_path)), "no fit in")
    for spoil, words in (
        (lambda folder: (folder / "fit.json").write_text("{"), "is damaged"),
        (lambda folder: (folder / "fit.json").write_text("{}"), "not of a fit"),
        (lambda folder: (folder / "fit.safetensors").write_bytes(b"x"), "is not the file"),
    ):
        copy = tmp_path / words.replace(" ", "-")
        shutil.copytree(mine, copy)
        spoil(copy)
        refused(lambda copy=copy: load_fit(str(copy)), words)
    about = json.loads((Path(mine) / "fit.json").read_text())
    for name, value, words in (
        ("site", "ffn", "is of site ffn, and diff-means is fitted at resid_post"),
        ("formula", "x", "made by another version of the function"),
    ):
        copy = tmp_path / name
        shutil.copytree(mine, copy)
        (copy / "fit.json").write_text(json.dumps({**about, name: value}))
        refused(
            lambda copy=copy: find_strategy("diff-means").with_options({"fit": str(copy)}), words
        )


def test_what_cannot_be_fitted_is_refused_in_a_line(babel_model, fitted, tmp_path):
    def fitting(folder="new", **changes):
        return lambda: fit(
            replace(FIT, **changes), RunContext(tmp_path / folder), model=babel_model
        )

    refused(fitting(strategies=("attn-swap",)), "attn-swap needs no fit")
    refused(fitting(options=(("alpha", "2"),)), "no such option", "it has none")
    refused(fitting(tasks=()), "no task is given")
    refused(fitting(split="test"), "no split 'test'")
    for body, words in (
        ("return {}", "should return tensors by name"),
        ("return {'v': 1}", "v of a fit of bad should be a floating-point tensor"),
        ("return {'v': torch.ones(3, 4)}", "not [3, 4]"),
        ("return {'v': stats.mean('en') / 0}", "not finite"),
        ("return 1 / 0", "line 8: ZeroDivisionError"),
        ("return {'v': stats.mean('xx')}", "no prompt is in 'xx'; languages are en, sw, hi"),
        ("return {'v': stats.count('xx')}", "no prompt is in 'xx'; languages are en, sw, hi"),
        ("return {'v': stats.pairs('sw', 0)[0]}", '("resid_post", pairs=True)'),
        ("return {'v': stats.vectors('sw', 0)}", '("resid_post", pairs=True)'),
    ):
        file = tmp_path / "bad.py"
        file.write_text(
            "import torch\nfrom xtransplant import strategy\n"
            "from xtransplant.strategies import fitted\n\n\n"
            f"@fitted('resid_post')\ndef made(stats):\n    {body}\n\n\n"
            "@strategy('bad', fit=made)\ndef bad(source, target, i, j, fit):\n"
            "    target.attn[j] = fit['v'][j]\n"
        )
        refused(fitting("bad", strategies=(str(file),)), words)


def test_a_folder_with_another_fit_says_in_what_that_differs(babel_model, fitted, tmp_path):
    refused(
        lambda: fit(
            replace(FIT, strategies=("recover",)),
            RunContext(Path(fitted["diff-means"].path)),
            model=babel_model,
        ),
        "holds another fit (strategy diff-means, not recover); give",
    )
    refused(
        lambda: fit(
            replace(FIT, strategies=("recover",), limit=3, langs=("sw",)),
            RunContext(Path(fitted["recover"].path)),
            model=babel_model,
        ),
        "(task babel examples sw 5, not 3; task babel examples hi 5, not none)",
    )
    # A fit that was not finished says it too, by its parts.
    copy = tmp_path / "killed"
    shutil.copytree(fitted["recover"].path, copy)
    (copy / "fit.json").unlink()

    def again(**changes):
        return lambda: fit(replace(FIT, **changes), RunContext(copy), model=babel_model)

    refused(again(split="unseen"), "(task babel split pilot, not unseen)")
    refused(
        again(strategies=("lape",)), "(site resid_post, not neurons; tokens mean, not active, mean)"
    )
    config = replace(FIT, strategies=("recover",), limit=None)
    refused(
        lambda: fit(config, RunContext(copy), last=5, model=babel_model), "the examples are others"
    )


def test_an_example_that_a_fit_has_seen_is_marked(babel_model, fitted):
    def traced(lang, split, **changes):
        example = replace(
            load_examples(find_task("babel"), lang, split=split).examples[0], **changes
        )
        return transplant(babel_model, example, chosen, source_layers=[0], target_layers=[2])

    chosen = find_strategy("attn-swap + diff-means").with_options(
        {"fit": fitted["diff-means"].path}
    )
    seen = traced("sw", "pilot")
    assert seen.fitted_on == ("diff-means",)
    assert "diff-means was fitted on this example" in seen.to_dict()["note"]
    # The same fact in a language that was not fitted, by its source prompt.
    assert traced("ru", "pilot", target_lang="sw").fitted_on == ("diff-means",)
    fresh = traced("sw", "unseen")
    assert fresh.fitted_on == ()
    assert "fitted" not in fresh.to_dict()["note"]
