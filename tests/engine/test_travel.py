"""What a session would send to another machine names nothing of this package."""

import pickle
import pickletools
import sys

import pytest
import raw_cases
import torch
from nnsight.schema.request import RequestModel
from nnsight.tracing.backend import Backend
from tiny import EXAMPLE, make_tiny

from xtransplant import capture, find_strategy, load, strategy
from xtransplant.backends.dry import Dry
from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.dry_run import dry_run_grid
from xtransplant.engine.generate import generate
from xtransplant.engine.score import score
from xtransplant.engine.trace.raw import generate_scripts, score_scripts
from xtransplant.packing import MASKED, Packing
from xtransplant.strategies import fixed


class Intercepted(Exception):
    """Raised in place of running, with the payload."""


class Probe(Backend):
    def __call__(self, tracer):
        raise Intercepted(RequestModel.serialize(tracer))


@pytest.fixture
def payload(llama, monkeypatch):
    """A function that runs work up to where its session would be sent, and gives what would be."""
    # As where its weights are not in this process: nothing of them is to travel.
    monkeypatch.setitem(vars(llama), "head", None)
    kind = type(llama.nn)
    session = kind.session
    monkeypatch.setattr(kind, "session", lambda self: session(self, backend=Probe()))

    def intercept(work):
        with pytest.raises(Intercepted) as caught:
            work()
        return caught.value.args[0]

    return intercept


def modules_named(blob):
    """Modules that unpickling might import: all that a text in the pickle names."""
    texts = {argument for _, argument, _ in pickletools.genops(blob) if isinstance(argument, str)}
    return {text.split(" ")[0] for text in texts} & sys.modules.keys()


@strategy("mapped")
def mapped(source, target, i, j):
    matrix = fixed(torch.eye(target.shape.d_model), "map")
    target.ffn[j] = matrix @ source.ffn[i] + matrix.project(source.ffn[i])


@pytest.mark.parametrize("name", ["score", "generate", "mapped", "capture", "raw", "raw generate"])
def test_nothing_of_this_package_travels(llama, payload, name):
    swap = find_strategy("attn-swap-official")
    raw = find_strategy(f"{raw_cases.__file__}:nearest-token").variant(shape_of(llama), 0, 1)
    work = {
        "score": lambda: score(llama, EXAMPLE, swap, [(0, 1)], packing=Packing(growing=True)),
        "generate": lambda: generate(llama, EXAMPLE, swap, [(0, 1)], packing=MASKED),
        "mapped": lambda: score(llama, EXAMPLE, mapped, [(0, 1)], packing=Packing(growing=True)),
        "raw": lambda: score_scripts(llama, item_of(llama, EXAMPLE), [raw], 1),
        "raw generate": lambda: generate_scripts(llama, item_of(llama, EXAMPLE), [raw], 3),
        "capture": lambda: capture(llama, EXAMPLE.source),
    }[name]
    blob = payload(work)
    assert not [module for module in modules_named(blob) if module.split(".")[0] == "xtransplant"]
    assert len(blob) < 100_000


def test_the_probe_would_see_a_module_that_travels():
    assert "xtransplant.prompts" in modules_named(pickle.dumps(EXAMPLE, protocol=4))


@pytest.mark.slow
def test_what_32_layers_send_stays_small_whatever_the_prompts_length(tmp_path):
    make_tiny("llama", str(tmp_path), num_hidden_layers=32, max_position_embeddings=2048)
    model = load(tmp_path, backend=Dry())
    swap = find_strategy("attn-swap")
    variants = [swap.variant(shape_of(model), i, j) for i in range(32) for j in range(32)]
    for length in (150, 1000):
        ids = [3 + place % 500 for place in range(length)]
        item = Item(ids, ids, [[5], [6, 7]], [[5], [6, 7]])
        payload = dry_run_grid(model, item, variants).payload
        # Masks hold millions of numbers: each has to travel once, not once a layer.
        assert 10_000 < payload < 200_000
