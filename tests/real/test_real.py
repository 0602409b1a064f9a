"""Real weights against plain hooks: every packing, scores and generations (and test_by_name)."""

import numpy as np
import pytest
from plain import PLAIN, SHARED_DATA, capital, fact, item
from reference import continued, likelihood, written_generate

from xtransplant import verify_packing
from xtransplant.engine.ask import pruning
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.engine.trace import later_tokens
from xtransplant.engine.trace.greedy import end_ids
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

WAYS = (SHARED, Packing(shared_prefix=True), Packing(growing=True), MASKED, ROWS)
N_NEW = 8
EXAMPLES = {
    "capital of sw": lambda: capital("sw"),
    "capital of zh": lambda: capital("zh", 5),
    "fact of tr": lambda: fact("tr"),
    "fact of el": lambda: fact("el", 3),
}
needs_klar = pytest.mark.skipif(
    not (SHARED_DATA / "KLAR").is_dir(), reason=f"no KLAR in {SHARED_DATA}"
)


def cases_of(names):
    return [
        pytest.param(name, marks=[needs_klar] if name.startswith("fact") else []) for name in names
    ]


def test_the_fastest_packing_is_taken(real):
    assert verify_packing(real.model).packing == SHARED


@pytest.mark.parametrize("name", cases_of(EXAMPLES))
def test_scores_equal_plain_hooks(real, name):
    asked = item(real, EXAMPLES[name]())
    found = {
        way: next(score_items(real.model, [asked], real.variants, packing=way)) for way in WAYS
    }
    source, target = real.activations(asked.source), real.activations(asked.target)
    moved = dict.fromkeys(PLAIN, 0.0)
    for n, (strategy, i, j) in enumerate(real.cases):
        plain = PLAIN[strategy]
        after = continued(
            real.model.module, plain.site, j, plain.value(source, target, i, j),
            asked.target, asked.target_candidates, plain.head,
        )  # fmt: skip
        wanted = [likelihood(*one) for one in zip(after, asked.target_candidates, strict=True)]
        for way, scores in found.items():
            error = np.abs(scores.logprobs[n] - wanted).max()
            assert error < 1e-3, (strategy, i, j, str(way), error)
        change = np.abs(found[SHARED].logprobs[n] - found[SHARED].vanilla).max()
        moved[strategy] = max(moved[strategy], float(change))
    assert moved.pop("none") < 1e-4
    assert min(moved.values()) > 0.01, "every other transplant matters somewhere"


@pytest.mark.parametrize("name", cases_of(["capital of sw", "fact of tr"]))
def test_what_is_not_run_to_its_end_is_not_chosen(real, name, monkeypatch):
    # With so few variants it would not be worth it.
    monkeypatch.setattr(pruning, "_PASS_SECONDS", 0.0)
    monkeypatch.setattr(later_tokens, "bounds_are_cheap", lambda model: True)
    exact, pruned = (
        next(
            score_items(
                real.model,
                [item(real, EXAMPLES[name](), exact_scores=exact)],
                real.variants,
                packing=SHARED,
            )
        )
        for exact in (True, False)
    )
    best = exact.logprobs.argmax(1)
    assert (pruned.logprobs.argmax(1) == best).all()
    bounds = pruned.bounds
    assert bounds is not None
    assert bounds.any()
    assert bounds.all() or not bounds[np.arange(len(best)), best].any()
    assert np.abs(exact.logprobs - pruned.logprobs)[~bounds].max(initial=0) < 1e-3
    assert (exact.logprobs - pruned.logprobs)[bounds].max(initial=-1) < 1e-3


@pytest.mark.parametrize("name", cases_of(["capital of zh", "fact of tr"]))
def test_generations_equal_plain_hooks(real, name):
    asked = item(real, EXAMPLES[name]())
    decoding, ends = Decoding(N_NEW, source_text=False), end_ids(real.model)
    found = {
        way: next(
            generate_items(real.model, [asked], real.variants, packing=way, decoding=decoding)
        ).token_ids
        for way in (SHARED, MASKED, ROWS)
    }
    source, target = real.activations(asked.source), real.activations(asked.target)
    for n, (strategy, i, j) in enumerate(real.cases):
        plain = PLAIN[strategy]
        wanted = written_generate(
            real.model.module, plain.site, j, plain.value(source, target, i, j),
            asked.target, N_NEW, head=plain.head, ends=ends,
        )  # fmt: skip
        for way, ids in found.items():
            assert list(ids[n]) == wanted, (strategy, i, j, str(way))
    assert len({tuple(ids) for ids in found[SHARED]}) > 3, "transplants change texts"
