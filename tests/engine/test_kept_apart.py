"""What one variant writes at two places stays apart, as plain hooks on one run would keep it."""

import pytest
import torch
from reference import blocks, hook_point, read_last
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import apply, load, strategy
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.score import score_items
from xtransplant.packing import MASKED, ROWS, SHARED
from xtransplant.strategies.recorder import record

CANDIDATES = [[7], [8, 9], [7, 3, 1]]
PAIRS = [(0, 3), (2, 1), (1, 2)]
SOME = [3, 7]


@strategy("part-of-both")
def part_of_both(source, target, i, j):
    target.resid_pre(*SOME)[j] = 5.0
    target.resid_mid(*SOME)[j] = 0


@strategy("part-of-both-added-to")
def part_of_both_added_to(source, target, i, j):
    target.resid_pre(*SOME)[j] = source.resid_pre[i] + 1
    target.resid_mid(*SOME)[j] = 0.5 * source.resid_post[i]


@strategy("part-of-mid")
def part_of_mid(source, target, i, j):
    target.resid_pre(1, 2)[j] = 5.0
    target.resid_mid(*SOME)[j] = source.resid_pre[i]


def _ramp(rows):
    return rows + torch.arange(rows.shape[-1]) / rows.shape[-1]


@strategy("one-value-two-widths")
def one_value_two_widths(source, target, i, j):
    value = apply(_ramp, 0.25)
    target.keys[j] = value
    target.ffn[j] = value


@strategy("one-value-two-layers")
def one_value_two_layers(source, target, i, j):
    value = apply(_ramp, target.attn[0])
    target.ffn[j] = value
    target.resid_post[0] = value


def _sum_into(at, dims, mid, layer):
    """Two hooks on a block and its attention: the stream between the two is what is asked for."""
    held = {}

    def before(_, args, kwargs):
        held["pre"] = (args[0] if args else kwargs["hidden_states"])[0, at].clone()

    def after(_, args, output):
        wanted = mid[dims] if torch.is_tensor(mid) else torch.full((len(dims),), mid)
        output[0][0, at, dims] = wanted - held["pre"][dims]

    return [
        layer.register_forward_pre_hook(before, with_kwargs=True),
        layer.self_attn.register_forward_hook(after),
    ]


@torch.no_grad()
def _reads(module, ids):
    """The residual stream before and after each block, at the last token."""
    states = module(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
    return [state[0, -1] for state in states]


def _pre(module, layer, at, value, dims):
    def act(_, args, kwargs):
        (args[0] if args else kwargs["hidden_states"])[0, at, dims] = (
            value[dims] if torch.is_tensor(value) else value
        )

    return blocks(module)[layer].register_forward_pre_hook(act, with_kwargs=True)


def _output(module, site, layer, at, value):
    def act(_, args, output):
        (output[0] if isinstance(output, tuple) else output)[0, at] = value

    return hook_point(module, site, layer).register_forward_hook(act)


def _hooks(name, module, source, target, i, j):
    """The same edits as plain hooks, in the order in which the model meets them."""
    states, at = _reads(module, source), len(target) - 1
    if name == "part-of-both":
        return [
            _pre(module, j, at, 5.0, SOME),
            *_sum_into(at, SOME, 0.0, blocks(module)[j]),
        ]
    if name == "part-of-both-added-to":
        mid = 0.5 * states[i + 1]
        return [
            _pre(module, j, at, states[i] + 1, SOME),
            *_sum_into(at, SOME, mid, blocks(module)[j]),
        ]
    if name == "part-of-mid":
        return [
            _pre(module, j, at, 5.0, [1, 2]),
            *_sum_into(at, SOME, states[i], blocks(module)[j]),
        ]
    if name == "one-value-two-widths":
        keys = blocks(module)[j].self_attn.k_proj.out_features
        values = [_ramp(torch.full((width,), 0.25)) for width in (keys, states[0].shape[-1])]
        return [_output(module, "keys", j, at, values[0]), _output(module, "ffn", j, at, values[1])]
    if name == "one-value-two-layers":
        value = _ramp(read_last(module, target, "attn", 0))
        return [
            _output(module, "resid_post", 0, at, value),
            _output(module, "ffn", j, at, value),
        ]
    raise AssertionError(name)


@torch.no_grad()
def _by_hooks(name, module, source, target, i, j):
    """Log-probabilities of the candidates by a run with hooks."""
    totals = []
    for candidate in CANDIDATES:
        handles = _hooks(name, module, source, target, i, j)
        logits = module(input_ids=torch.tensor([target + candidate])).logits[0]
        for handle in handles:
            handle.remove()
        logprobs = logits[len(target) - 1 : -1].log_softmax(-1)
        totals.append(sum(float(logprobs[n, token]) for n, token in enumerate(candidate)))
    return totals


@pytest.mark.parametrize("way", [SHARED, MASKED, ROWS])
@pytest.mark.parametrize(
    "edits",
    [part_of_both, part_of_both_added_to, part_of_mid, one_value_two_widths, one_value_two_layers],
)
def test_each_place_holds_what_was_written_there(llama, edits, way):
    source, target = (list(prompt_ids(llama, t)) for t in (EXAMPLE.source, EXAMPLE.target))
    item = Item(source, target, CANDIDATES, CANDIDATES)
    variants = [edits.edits(shape_of(llama), i, j) for i, j in PAIRS]
    found = next(score_items(llama, [item], variants, packing=way))
    for n, (i, j) in enumerate(PAIRS):
        expected = _by_hooks(edits.name, llama.module, source, target, i, j)
        assert found.logprobs[n] == pytest.approx(expected, abs=1e-4), (n, expected)
        assert abs(found.logprobs[n] - found.vanilla).max() > 1e-3


def one_value_two_head_widths(source, target, i, j):
    value = apply(_ramp, 0.25)
    target.head(1)[1] = value
    target.keys[0] = value
    target.head(2)[0] = value
    target.keys[1] = value


@torch.no_grad()
@pytest.mark.parametrize("way", [SHARED, MASKED, ROWS])
def test_one_value_is_as_wide_as_each_layer_that_it_is_written_at(way):
    model = load(tiny_checkpoint("gemma4_text"))
    shape = shape_of(model)
    assert len({shape.width("head", layer) for layer in (0, 1)}) == 2
    item = Item([11, 5, 9, 30, 8, 14], [21, 22, 23, 24, 25], CANDIDATES, CANDIDATES)
    edits = record(one_value_two_head_widths, shape, 0, 0, {})
    found = next(score_items(model, [item], [edits], packing=way)).logprobs[0]

    def write(site, layer, head):
        width = shape.width(site, layer)
        value, at = _ramp(torch.full((width,), 0.25)), len(item.target) - 1

        def before(_, args):
            args[0][0, at, head * width : (head + 1) * width] = value

        def after(_, args, output):
            output[0, at] = value

        module = hook_point(model.module, site, layer)
        if site == "head":
            return module.register_forward_pre_hook(before)
        return module.register_forward_hook(after)

    expected = []
    for candidate in CANDIDATES:
        places = [("head", 1, 1), ("keys", 0, 0), ("head", 0, 2), ("keys", 1, 0)]
        handles = [write(*place) for place in places]
        logits = model.module(input_ids=torch.tensor([item.target + candidate])).logits[0]
        for handle in handles:
            handle.remove()
        logprobs = logits[len(item.target) - 1 : -1].log_softmax(-1)
        expected.append(sum(float(logprobs[n, token]) for n, token in enumerate(candidate)))
    assert found == pytest.approx(expected, abs=1e-4)
