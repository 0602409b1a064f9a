"""Fitted strategies: what is fitted, how it is used, and what is refused."""

import shutil
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from fits_made import made_fit, ready
from reference import blocks
from safetensors.torch import load_file
from small_bench import FIT
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load
from xtransplant.bench import fit_parts
from xtransplant.bench.context import RunContext
from xtransplant.bench.fit import fit
from xtransplant.bench.fit_clock import FitClock
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score
from xtransplant.packing import MASKED, ROWS, SHARED
from xtransplant.strategies import load_fit
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

IN_TWO = replace(EXAMPLE, source_lang="en", target_lang="sw")


def examples(split="pilot", limit=5):
    return {
        lang: load_examples(find_task("babel"), lang, split=split).examples[:limit]
        for lang in FIT.langs
    }


def hooked(model, modules, text):
    """What some modules return for a prompt, ``[n_tokens, d_model]`` each."""
    found = []

    def keep(_, args, out):
        found.append((out[0] if isinstance(out, tuple) else out)[0])

    hooks = [module.register_forward_hook(keep) for module in modules]
    with torch.no_grad():
        model.module(input_ids=torch.tensor([prompt_ids(model, text)]))
    for hook in hooks:
        hook.remove()
    return found


def plain_means(model):
    """Per language the mean over its prompts of the mean over tokens, by plain hooks."""
    prompts = {}
    for one in chain(*examples().values()):
        prompts.setdefault(one.source_lang, {})[one.source] = None
        prompts.setdefault(one.target_lang, {})[one.target] = None
    means = {}
    for lang, texts in prompts.items():
        rows = []
        for text in texts:
            found = hooked(model, blocks(model.module), text)
            rows.append(torch.stack([value.mean(dim=0) for value in found]))
        means[lang] = torch.stack(rows).mean(dim=0)
    return means


def test_what_is_fitted_is_what_plain_hooks_find(babel_model, fitted):
    means = plain_means(babel_model)
    vectors = load_file(Path(fitted["recover"].path) / "fit.safetensors")
    directions = load_file(Path(fitted["diff-means"].path) / "fit.safetensors")
    assert {*vectors} == {"vector/en", "vector/sw", "vector/hi"}
    for lang in ("en", "sw", "hi"):
        middle = sum(means.values()) / 3
        assert (vectors[f"vector/{lang}"] - (means[lang] - middle)).abs().max() < 1e-4
        others = sum(mean for other, mean in means.items() if other != lang) / 2
        wanted = (means[lang] - others) / (means[lang] - others).norm(dim=-1, keepdim=True)
        assert (directions[f"direction/{lang}"] - wanted).abs().max() < 1e-4
    counts = fitted["recover"].manifest["counts"]
    assert counts["sw"] == len({one.target for one in examples()["sw"]})


def steered(model, layer, change, n_new):
    """Greedy tokens with every token's residual stream changed after a block: plain hooks."""

    def hook(_, args, out):
        value = out[0] if isinstance(out, tuple) else out
        value[0] = change(value[0].clone())

    handle = blocks(model.module)[layer].register_forward_hook(hook)
    ids, top = list(prompt_ids(model, EXAMPLE.target)), None
    with torch.no_grad():
        for _ in range(n_new):
            logits = model.module(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
            top = logits.log_softmax(-1) if top is None else top
            ids.append(int(logits.argmax()))
    handle.remove()
    return ids[-n_new:], top.topk(5).values.numpy()


def scaled(old, new):
    return new * old.norm(dim=-1, keepdim=True) / new.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("name", ["diff-means", "recover", "recover with its norm"])
def test_the_formula_at_every_token_is_that_of_plain_hooks(family, name):
    model = load(tiny_checkpoint(family))
    chosen = ready(model, name.split(" ")[0]).with_options({"alpha": 3.0})
    read = load_file(Path(chosen.fit.path) / "fit.safetensors")
    if name == "diff-means":

        def change(rows, j):
            return rows + 3 * read["direction/sw"][j]
    else:
        chosen = chosen.with_options({"beta": 0.5})

        def change(rows, j):
            return rows + 3 * (read["vector/sw"][j] - 0.5 * read["vector/en"][j])

    if name.endswith("norm"):
        plain = change
        chosen = chosen.with_options({"norm": True})

        def change(rows, j):
            return scaled(rows, plain(rows, j))

    pairs = [(0, 1), (2, 3)]
    ways = (ROWS, MASKED, SHARED) if family == "llama" else (ROWS,)
    for packing in ways:
        found = score(model, IN_TWO, chosen, pairs, packing=packing)
        texts = generate(model, IN_TWO, chosen, pairs, packing=packing, max_new_tokens=4)
        for (_, j), top, ids in zip(pairs, found.top_logprobs, texts.token_ids, strict=True):
            wanted, logprobs = steered(model, j, lambda rows, j=j: change(rows, j), 4)
            assert np.abs(top - logprobs).max() < 1e-4
            assert list(ids) == wanted[: len(ids)]


def test_a_fit_that_was_killed_goes_on_where_it_was(babel_model, fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(fit_parts, "PART_SIZE", 3)
    whole = fit(FIT, RunContext(tmp_path / "whole"), model=babel_model)

    def killed(progress):
        if progress.done > 5:
            raise KeyboardInterrupt

    context = RunContext(tmp_path / "killed", watch=killed)
    with pytest.raises(KeyboardInterrupt):
        fit(FIT, context, model=babel_model)
    parts = sorted((tmp_path / "killed" / "parts").iterdir())
    times = {path: path.stat().st_mtime_ns for path in parts}
    assert len(parts) == 2
    with pytest.raises(XTransplantError, match="no fit in"):
        load_fit(str(tmp_path / "killed"))
    resumed = fit(FIT, RunContext(tmp_path / "killed"), model=babel_model)
    assert resumed.digest == whole.digest
    assert {path: path.stat().st_mtime_ns for path in parts} == times
    # A damaged part is captured again; a finished fit is not made again.
    parts[0].write_bytes(b"x")
    (tmp_path / "killed" / "fit.json").unlink()
    assert fit(FIT, RunContext(tmp_path / "killed"), model=babel_model).digest == whole.digest


def test_a_fit_says_how_far_it_is_and_when_it_ends(babel_model, tmp_path, monkeypatch):
    monkeypatch.setattr(fit_parts, "PART_SIZE", 3)
    read, stored = [], []
    fit(FIT, RunContext(tmp_path, step=read.append, watch=stored.append), model=babel_model)
    total = len(list(chain(*examples().values())))
    assert [one.done + one.within for one in read] == list(range(1, total + 1))
    assert {one.total for one in (*read, *stored)} == {total}
    assert all(one.done % 3 == 0 and 0 < one.within <= 3 for one in read)
    assert [one.done for one in stored] == [*range(3, total, 3), total]
    assert (read[-1].left, stored[-1].left) == (0, 0)
    assert all(one.left > 0 for one in read[:-1])


def test_the_time_left_of_a_fit_goes_by_the_prompts_that_are_new(babel_model, monkeypatch):
    one, other = (replace(IN_TWO, source="s" * 6, target=text * 3) for text in "ab")
    (stored, third) = (replace(IN_TWO, source=text * 9, target=text * 8) for text in "cd")
    monkeypatch.setattr(fit_parts, "PART_SIZE", 1)

    class Two(fit_parts.Parts):
        def has(self, number):
            return number == 2

    parts = Two(Path(), "", None, [one, other, stored, third])
    clock = FitClock.of(parts, "made", "pilot")
    assert clock.worked == [0, 9, 12, 12, 29]
    now = clock.started + 10
    monkeypatch.setattr("xtransplant.bench.fit_clock.time.monotonic", lambda: now)
    assert clock.stored(0).left is None
    assert clock.read(1).left == clock.stored(1).left == pytest.approx(10 * 20 / 9)
    assert clock.stored(3).left == pytest.approx(10 * 17 / 12)


FROM_PAIRS = """
import torch
from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("ffn", tokens="last", pairs=True)
def least_squares(stats, ridge: float = 0.1):
    found = {}
    for lang in ("sw", "hi"):
        maps = []
        for layer in range(stats.n_layers):
            x, y = stats.pairs(lang, layer)
            maps.append(torch.linalg.solve(x.T @ x + ridge * torch.eye(x.shape[1]), x.T @ y).T)
        found[lang] = torch.stack(maps)
    return {"map": found}


@strategy("mapped", fit=least_squares)
def mapped(source, target, i, j, fit, alpha: float = 1.0):
    target.ffn[j] = target.ffn[j] + alpha * (fit["map"]["target"][j] @ target.ffn[j])
"""


def test_a_map_is_fitted_from_pairs_and_used_by_language(babel_model, tmp_path):
    (tmp_path / "mapped.py").write_text(FROM_PAIRS)
    name = str(tmp_path / "mapped.py")
    config = replace(FIT, strategies=(name,), options=(("ridge", "0.5"),))
    made = fit(config, RunContext(tmp_path / "fit"), model=babel_model)
    maps = load_file(Path(made.path) / "fit.safetensors")
    rows = {"x": [], "y": []}
    for one in examples()["hi"]:
        for side, text in (("x", one.target), ("y", one.source)):
            (value,) = hooked(babel_model, [blocks(babel_model.module)[3].mlp], text)
            rows[side].append(value[-1])
    x, y = torch.stack(rows["x"]).double(), torch.stack(rows["y"]).double()
    wanted = torch.linalg.solve(x.T @ x + 0.5 * torch.eye(x.shape[1]), x.T @ y).T
    assert (maps["map/hi"][3] - wanted).abs().max() < 1e-3
    chosen = find_strategy(name).with_options({"fit": made.path})
    pairs = [(0, 3)]
    by_lang = [
        score(babel_model, replace(EXAMPLE, target_lang=lang), chosen, pairs, packing=SHARED)
        for lang in ("sw", "hi")
    ]
    assert np.abs(by_lang[0].logprobs - by_lang[1].logprobs).max() > 1e-4


def test_a_run_knows_the_fit_by_what_it_holds(babel_model, fitted, tmp_path):
    def planned(path):
        return make_plan(replace(used, options=(("fit", str(path)),)))

    used = replace(FIT, split="unseen", limit=2, pairs="0:1,0:2")
    first = planned(fitted["diff-means"].path)
    shutil.copytree(fitted["diff-means"].path, tmp_path / "moved")
    assert planned(tmp_path / "moved").id == first.id
    other = fit(replace(FIT, limit=4), RunContext(tmp_path / "other"), model=babel_model)
    assert planned(other.path).id != first.id
    run = bench(
        replace(used, options=(("fit", fitted["diff-means"].path),)),
        RunContext(tmp_path / "runs"),
        model=babel_model,
    )
    digest = fitted["diff-means"].digest
    (name,) = run.manifest.strategies
    assert name == f"diff-means(fit={digest[:10]})"
    assert run.manifest.strategies[name]["fit"]["digest"] == digest


def test_it_combines_with_another_strategy(babel_model, fitted):
    name = f"attn-swap + diff-means(alpha=2, fit={fitted['diff-means'].path})"
    chosen = find_strategy(name)
    found = score(babel_model, IN_TWO, chosen, [(1, 2)], packing=SHARED)
    alone = score(babel_model, IN_TWO, find_strategy("attn-swap"), [(1, 2)], packing=SHARED)
    assert np.abs(found.logprobs - alone.logprobs).max() > 1e-4


def test_a_made_fit_is_read_as_a_real_one(babel_model, tmp_path):
    found = load_fit(made_fit(babel_model, "recover", tmp_path))
    assert found.tensors == {"vector": ("en", "sw", "hi")}
