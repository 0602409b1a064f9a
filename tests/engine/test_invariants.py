"""What must hold whatever the strategy: identities, ways of packing, chunks, positions."""

import numpy as np
import pytest
import torch
from accelerate import dispatch_model
from reference import blocks, hook_point
from tiny import EXAMPLE, allowed, tiny_checkpoint

from xtransplant import Example, XTransplantError, apply, capture, find_strategy, load, strategy
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate, generate_items
from xtransplant.engine.score import score, score_items
from xtransplant.model.check import check_sites
from xtransplant.packing import MASKED, ROWS, SHARED, Packing

# One variant per row first: it is what the others are held to.
WAYS = (ROWS, MASKED, Packing(growing=True), Packing(shared_prefix=True), SHARED)
PAIRS = [(0, 1), (2, 0), (3, 3), (1, 2)]
BUILT_IN = (
    "attn-swap", "attn-swap-official", "ffn-swap", "neuron-swap", "resid-swap", "head-swap", "blend"
)  # fmt: skip


@strategy("two-tokens")
def two_tokens(source, target, i, j):
    target.ffn[j, -2:] = source.ffn[i, -2:]


@strategy("early-and-late")
def early_and_late(source, target, i, j):
    target.attn[j, 3] = source.attn[i, -1]
    target.resid_mid[j, -3:] = 0.5 * target.resid_mid[j, -3:] + 0.5 * source.resid_mid[i]


@strategy("two-layers")
def two_layers(source, target, i, j):
    target.attn[j] = source.attn[i]
    target.ffn[(j + 1) % 4] = target.ffn[(j + 1) % 4] - 0.3 * source.ffn[i] + 0.1


@strategy("own-function")
def own_function(source, target, i, j):
    target.resid_post[j] = apply(torch.nn.functional.normalize, source.resid_post[i]) * 3


@strategy("product")
def product(source, target, i, j):
    target.ffn[j] = source.ffn[i] * target.attn[j] + target.ffn[j]


CUSTOM = (two_tokens, early_and_late, two_layers, own_function, product)


@pytest.mark.any_dtype
@pytest.mark.parametrize("chosen", [*map(find_strategy, BUILT_IN), *CUSTOM], ids=str)
def test_every_packing_equals_one_variant_per_row(llama, chosen):
    by_row, *packed = (score(llama, EXAMPLE, chosen, PAIRS, packing=packing) for packing in WAYS)
    for found in packed:
        most = allowed(llama, 1e-4)
        assert np.abs(found.logprobs - by_row.logprobs).max() < most, found.packing
        assert np.abs(found.top_logprobs - by_row.top_logprobs).max() < most, found.packing
        assert np.abs(found.logprobs - found.vanilla).max() > 1e-2
    if torch.finfo(llama.dtype).bits < 32:
        return  # near ties tip
    generations = [
        generate(llama, EXAMPLE, chosen, PAIRS, packing=packing, max_new_tokens=5)
        for packing in WAYS
    ]
    assert len({(found.token_ids, found.vanilla, found.source) for found in generations}) == 1


@pytest.mark.any_dtype
@pytest.mark.parametrize("packing", WAYS, ids=str)
def test_the_identity_changes_nothing(llama, packing):
    found = score(llama, EXAMPLE, find_strategy("none"), PAIRS, packing=packing)
    assert np.abs(found.logprobs - found.vanilla).max() < allowed(llama, 1e-5)


@pytest.mark.parametrize("name", ["attn-swap", "ffn-swap", "neuron-swap", "head-swap"])
def test_a_transplant_from_itself_changes_nothing(llama, name):
    same = Example(EXAMPLE.target, EXAMPLE.target, EXAMPLE.candidates)
    found = score(llama, same, find_strategy(name), [(k, k) for k in range(4)], packing=SHARED)
    assert np.abs(found.logprobs - found.vanilla).max() < 1e-5
    assert np.abs(found.source - found.vanilla).max() < 1e-5


def test_within_one_layer_the_neurons_are_all_of_the_feed_forward_network(llama):
    same, others = [(k, k) for k in range(4)], [(0, 3), (2, 1)]
    neurons, ffn = (
        score(llama, EXAMPLE, find_strategy(name), [*same, *others], packing=SHARED).logprobs
        for name in ("neuron-swap", "ffn-swap")
    )
    assert np.abs(neurons[:4] - ffn[:4]).max() < 1e-5
    assert np.abs(neurons[4:] - ffn[4:]).min() > 1e-3  # another layer reads them otherwise


@pytest.mark.parametrize("site", ["attn", "ffn", "resid_pre", "resid_mid", "resid_post"])
def test_blend_goes_from_nothing_to_a_swap(llama, site):
    def blend(weight):
        chosen = find_strategy("blend").with_options({"site": site, "weight": weight})
        return score(llama, EXAMPLE, chosen, PAIRS, packing=SHARED)

    nothing, swap = blend(0.0), blend(1.0)
    assert np.abs(nothing.logprobs - nothing.vanilla).max() < 1e-5
    if site in ("attn", "ffn"):
        plain = score(llama, EXAMPLE, find_strategy(f"{site}-swap"), PAIRS, packing=SHARED)
        assert np.abs(swap.logprobs - plain.logprobs).max() < 1e-5


@pytest.mark.parametrize("packing", WAYS, ids=str)
def test_parts_do_not_show(llama, packing):
    swap = find_strategy("ffn-swap")
    variants = [swap.edits(shape_of(llama), i, j) for i, j in PAIRS]
    source, target = (prompt_ids(llama, text) for text in (EXAMPLE.source, EXAMPLE.target))
    item = Item(source, target, [[7]], [[7], [8, 9]])
    runs = [
        next(score_items(llama, [item], variants, packing=packing, memory=MemoryBudget(limit)))
        for limit in (1e9, 1)
    ]
    assert np.abs(runs[0].logprobs - runs[1].logprobs).max() < 1e-5
    assert runs[1].forward_passes == 1 + len(PAIRS) > runs[0].forward_passes
    generations = [
        next(
            generate_items(
                llama,
                [item],
                variants,
                packing=packing,
                decoding=Decoding(),
                memory=MemoryBudget(limit),
            )
        )
        for limit in (1e9, 1)
    ]
    assert generations[0].token_ids == generations[1].token_ids
    assert generations[1].forward_passes > generations[0].forward_passes


def test_a_grid_is_two_forward_passes(llama):
    pairs = [(i, j) for i in range(4) for j in range(4)]
    assert (
        score(llama, EXAMPLE, find_strategy("attn-swap"), pairs, packing=SHARED).forward_passes == 2
    )


def test_one_head_is_one_head(llama):
    """head-swap against a plain hook on the input of the output projection."""
    source, target = (prompt_ids(llama, text) for text in (EXAMPLE.source, EXAMPLE.target))
    plain, width = llama.module, llama.head_dim
    seen = []
    projection = plain.model.layers[1].self_attn.o_proj
    handle = projection.register_forward_pre_hook(lambda m, args: seen.append(args[0].clone()))
    plain(input_ids=torch.tensor([source], device=plain.device))
    handle.remove()

    def write(module, args):
        args[0][0, -1, 2 * width : 3 * width] = seen[0][0, -1, 2 * width : 3 * width]

    handle = plain.model.layers[3].self_attn.o_proj.register_forward_pre_hook(write)
    ids = torch.tensor([target], device=plain.device)
    expected = plain(input_ids=ids).logits[0, -1].float().log_softmax(-1).cpu()
    handle.remove()
    chosen = find_strategy("head-swap").with_options({"head": 2})
    found = score(llama, EXAMPLE, chosen, [(1, 3)], packing=SHARED, top_k=8)
    assert np.allclose(found.top_logprobs[0], expected.topk(8).values.numpy(), atol=1e-5)


def test_capture_reads_what_hooks_see(llama):
    sites = ("attn", "ffn", "head", "resid_pre", "resid_mid", "resid_post")
    found = capture(llama, EXAMPLE.source, sites, layers=[3, 1], last=2)
    assert found["head"].shape == (2, 2, llama.n_heads, llama.head_dim)
    plain = llama.module
    ids = torch.tensor([prompt_ids(llama, EXAMPLE.source)], device=plain.device)
    for row, layer in enumerate([3, 1]):
        for site in ("attn", "ffn"):
            seen = []
            handle = hook_point(plain, site, layer).register_forward_hook(
                lambda m, a, o, seen=seen: seen.append(o[0] if isinstance(o, tuple) else o)
            )
            plain(input_ids=ids)
            handle.remove()
            assert torch.allclose(found[site][row], seen[0][0, -2:].float().cpu(), atol=1e-6)
    total = found["resid_pre"] + found["attn"] + found["ffn"]
    assert torch.allclose(total, found["resid_post"], atol=1e-5)
    assert torch.allclose(found["resid_pre"] + found["attn"], found["resid_mid"], atol=1e-6)
    assert capture(llama, EXAMPLE.source, "ffn", last=None)["ffn"].shape[1] == ids.shape[1]


def test_spans_must_match(llama):
    @strategy("uneven")
    def uneven(source, target, i, j):
        target.ffn[j, -3:] = source.ffn[i, -2:]

    with pytest.raises(XTransplantError, match="spans must hold equally many"):
        score(llama, EXAMPLE, uneven, PAIRS, packing=SHARED)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (Example("", "x"), "the prompt is empty"),
        (Example("x", "  \n"), "the prompt is empty"),
        (Example("x", "y " * 400), "reads at most"),
        (Example("x", "y", ("",)), "makes no token"),
    ],
)
def test_unusable_prompts(llama, example, words):
    with pytest.raises(XTransplantError, match=words):
        score(llama, example, find_strategy("none"), [(0, 0)], packing=SHARED)


def test_a_missing_chat_template_is_said(llama):
    with pytest.raises(XTransplantError, match="has no chat template"):
        score(llama, EXAMPLE, find_strategy("none"), PAIRS, packing=SHARED, chat_template=True)


def test_a_halved_model_still_packs():
    half = load(tiny_checkpoint("llama"), dtype="bfloat16")
    found = score(half, EXAMPLE, find_strategy("none"), PAIRS, packing=SHARED)
    assert np.abs(found.logprobs - found.vanilla).max() < 0.3


@pytest.mark.parametrize("name", ["ffn-swap", "attn-swap-official", "head-swap", "neuron-swap"])
def test_a_sharded_model_gives_what_a_whole_one_gives(llama, sharded, name):
    chosen = find_strategy(name)
    whole, parted = (
        score(model, EXAMPLE, chosen, PAIRS, packing=SHARED) for model in (llama, sharded)
    )
    assert np.abs(whole.logprobs - parted.logprobs).max() < 1e-6
    assert np.abs(whole.top_logprobs - parted.top_logprobs).max() < 1e-6
    assert parted.forward_passes == 2
    generations = [
        generate(model, EXAMPLE, chosen, PAIRS, packing=SHARED, max_new_tokens=3)
        for model in (llama, sharded)
    ]
    assert generations[0].token_ids == generations[1].token_ids


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """The same Llama, the weights of its last two layers not where those of the others are: on
    disk, and in memory only while a layer runs, as --device-map does where a device is too small.
    """
    model = load(tiny_checkpoint("llama"))
    places = {f"model.layers.{k}": "cpu" if k < 2 else "disk" for k in range(model.n_layers)}
    others = ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head")
    dispatch_model(
        model.module, places | dict.fromkeys(others, "cpu"), main_device="cpu",
        offload_dir=tmp_path_factory.mktemp("offloaded"), force_hooks=True,
    )  # fmt: skip
    check_sites(model)
    # Or else nothing is sharded and the tests say nothing.
    devices = [{p.device.type for p in block.parameters()} for block in blocks(model.module)]
    assert devices == [{"cpu"}, {"cpu"}, {"meta"}, {"meta"}]
    return model


@strategy("all-tokens")
def all_tokens(source, target, i, j):
    target.ffn[j, :] = 0.7 * source.ffn[i, :] + 0.3 * target.ffn[j, :]


def test_all_tokens_where_lengths_agree(llama):
    """Variants that edit the first token share nothing; a plain hook says what is right."""
    source, target = list(range(20, 32)), list(range(40, 52))
    pairs = [(0, 0), (3, 1)]
    variants = [all_tokens.edits(shape_of(llama), i, j) for i, j in pairs]
    expected = [_all_tokens_by_hooks(llama.module, source, target, i, j) for i, j in pairs]
    item = Item(source, target)
    for packing in WAYS:
        found = next(score_items(llama, [item], variants, packing=packing, top_k=8))
        assert np.allclose(found.top_logprobs, expected, atol=1e-5)
    generations = [
        next(
            generate_items(llama, [item], variants, packing=packing, decoding=Decoding(4))
        ).token_ids
        for packing in WAYS
    ]
    assert generations[0] == generations[1]


def _all_tokens_by_hooks(plain, source, target, i, j):
    seen = []
    handle = plain.model.layers[i].mlp.register_forward_hook(
        lambda m, args, output: seen.append(output)
    )
    plain(input_ids=torch.tensor([source], device=plain.device))
    handle.remove()
    handle = plain.model.layers[j].mlp.register_forward_hook(
        lambda m, args, output: 0.7 * seen[0] + 0.3 * output
    )
    ids = torch.tensor([target], device=plain.device)
    logits = plain(input_ids=ids).logits[0, -1].float().cpu()
    handle.remove()
    return logits.log_softmax(-1).topk(8).values.numpy()
