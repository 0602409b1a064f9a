"""The logit lens: as plain hooks that end the model after a layer, in every packing."""

import json
import re
from io import StringIO

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from reference import blocks, hook_point, read_last
from tiny import EXAMPLE, tiny_checkpoint
from untrusted import TEXTS, acts

from xtransplant import XTransplantError, load, strategy
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.grid.lens import Lens, lens
from xtransplant.grid.lens_data import RUNS
from xtransplant.grid.lens_shown import draw_lens, lens_json, render_lens


@torch.no_grad()
def _ended(module, ids, layer, edit=None):
    """Probabilities of the next token, the block after ``layer`` and all later ones left out.

    What the last token's stream is after ``layer`` stands where the last block's output does.
    """
    kept = {}

    def keep(_, args, output):
        kept["stream"] = (output[0] if isinstance(output, tuple) else output)[0, -1].clone()

    def end(_, args, output):
        (output[0] if isinstance(output, tuple) else output)[0, -1] = kept["stream"]

    handles = [] if edit is None else [edit()]
    handles.append(blocks(module)[layer].register_forward_hook(keep))
    handles.append(blocks(module)[-1].register_forward_hook(end))
    logits = module(input_ids=torch.tensor([ids])).logits[0, -1]
    for handle in handles:
        handle.remove()
    return logits.float().softmax(-1)


def _swap(module, site, layer, value):
    """A hook that writes ``value`` at the last token of a site."""

    def write(_, args, output):
        (output[0] if isinstance(output, tuple) else output)[0, -1] = value

    return lambda: hook_point(module, site, layer).register_forward_hook(write)


@strategy("swap-all-tokens")
def swap_all_tokens(source, target, i, j):
    target.during("all").resid_post[j, :] = source.resid_post[i]


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "phi"])
@pytest.mark.parametrize(("name", "site"), [("ffn-swap", "ffn"), ("resid-swap", "resid_post")])
def test_each_layer_is_as_if_the_model_ended_there(family, name, site):
    model = load(tiny_checkpoint(family))
    i, j = 2, 1
    found = lens(model, EXAMPLE, name, (i, j))
    source, target = (prompt_ids(model, text) for text in (EXAMPLE.source, EXAMPLE.target))
    edit = _swap(model.module, site, j, read_last(model.module, source, site, i))
    asked = {"source": (source, None), "target": (target, None), "transplanted": (target, edit)}
    first = [model.tokenizer.encode(found.answer, add_special_tokens=False)[0]]
    for run, (ids, made) in asked.items():
        for layer in range(model.n_layers):
            expected = _ended(model.module, ids, layer, made)
            probability = found.probabilities[run][layer, 0]
            assert probability == pytest.approx(float(expected[first[0]]), rel=1e-3), (run, layer)
            top = model.tokenizer.decode([int(expected.argmax())])
            assert found.tops[run][layer] == top
    changed = found.probabilities["transplanted"] - found.probabilities["target"]
    assert np.abs(changed[:j]).max() == pytest.approx(0, abs=1e-6)
    assert np.abs(changed[j:]).max() > 0


def test_the_last_layer_is_the_run_itself_and_a_self_transplant_changes_nothing(llama):
    same = EXAMPLE.__class__(
        source=EXAMPLE.target, target=EXAMPLE.target, candidates=EXAMPLE.candidates,
        answer=EXAMPLE.answer,
    )  # fmt: skip
    found = lens(llama, same, "attn-swap", (2, 2))
    for run in RUNS:
        assert found.probabilities[run] == pytest.approx(found.probabilities["target"], abs=1e-6)


def test_edits_of_all_tokens_at_all_steps_are_followed_too(llama):
    found = lens(llama, EXAMPLE, swap_all_tokens, (1, 2))
    source, target = (prompt_ids(llama, text) for text in (EXAMPLE.source, EXAMPLE.target))
    value = read_last(llama.module, source, "resid_post", 1)

    def write(_, args, output):
        (output[0] if isinstance(output, tuple) else output)[0, :] = value

    def edit():
        return blocks(llama.module)[2].register_forward_hook(write)

    token = llama.tokenizer.encode(found.answer, add_special_tokens=False)[0]
    for layer in range(llama.n_layers):
        expected = float(_ended(llama.module, target, layer, edit)[token])
        assert found.probabilities["transplanted"][layer, 0] == pytest.approx(expected, rel=1e-3)


@strategy("later")
def later(source, target, i, j):
    target.during("decode").ffn[j] = source.ffn[i]


@strategy("cached")
def cached(source, target, i, j):
    target.during("prefill", through="cache").ffn[j] = source.ffn[i]


@pytest.mark.parametrize("chosen", [later, cached])
def test_what_leaves_the_next_token_alone_has_no_lens(llama, chosen):
    with pytest.raises(XTransplantError, match="leaves the next token as it is"):
        lens(llama, EXAMPLE, chosen, (1, 2))


def test_what_is_no_layer_pair_and_no_example_is_said(llama):
    with pytest.raises(XTransplantError, match=r"as in \(12, 1\), not 3"):
        lens(llama, EXAMPLE, "ffn-swap", 3)
    with pytest.raises(XTransplantError, match="follows the right answer"):
        lens(llama, (EXAMPLE.source, EXAMPLE.target), "ffn-swap", (1, 2))


def test_without_a_right_answer_there_is_nothing_to_follow(llama):
    asked = EXAMPLE.__class__(source="a", target="b", candidates=(" x", " y"))
    with pytest.raises(XTransplantError, match="--answer"):
        lens(llama, asked, "ffn-swap", (1, 2))


def test_it_is_shown_as_a_table_a_document_and_a_figure(llama, tmp_path):
    from rich.console import Console

    found = lens(llama, EXAMPLE, "ffn-swap", (1, 2))
    console = Console(width=200, record=True, file=StringIO())
    console.print(render_lens(found))
    lines = console.export_text().splitlines()
    assert sum(line.strip()[:1].isdigit() for line in lines) == llama.n_layers
    document = json.loads(lens_json(found))
    shares = np.array(document["runs"]["transplanted"]["probabilities"])
    assert shares == pytest.approx(found.probabilities["transplanted"])
    axes = draw_lens(found, tmp_path / "lens.png").axes[0]
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == llama.n_layers]
    assert drawn[0] == pytest.approx(100 * found.probabilities["source"][:, 0])
    assert (tmp_path / "lens.png").stat().st_size > 1000


def test_it_shows_itself_in_python_and_in_a_notebook(llama, tmp_path):
    found = lens(llama, EXAMPLE, "ffn-swap", (1, 2))
    lines = repr(found).splitlines()
    assert lines[0].startswith("lens of ffn-swap 1→2, ")
    assert [line.split(":")[0].strip() for line in lines[2:]] == list(RUNS)
    for run, line in zip(RUNS, lines[2:], strict=True):
        last = 100 * found.probabilities[run][-1, 0]
        assert f", {last:.1f}%; most after layer" in line or f", {last / 100:.1e}; most" in line
    page = found._repr_html_()
    assert page.count("<tr>") == 1 + llama.n_layers
    assert f">{100 * found.probabilities['transplanted'][2, 0]:.1f}</td>" in page
    axes = found.plot(tmp_path / "lens.svg").axes[0]
    assert (tmp_path / "lens.svg").stat().st_size > 1000
    assert len(axes.lines) == 1 + len(RUNS)
    with pytest.raises(XTransplantError, match="should end in"):
        found.plot(tmp_path / "lens.txt")


@settings(max_examples=20, deadline=None)
@given(TEXTS, TEXTS)
def test_what_a_model_says_acts_nowhere_in_it(text, other):
    shares = {run: np.full((2, 2), 0.5) for run in RUNS}
    tops = dict.fromkeys(RUNS, (text, other))
    found = Lens(other, text, (0, 1), text, other, (text, other), shares, tops)
    assert not acts(repr(found))
    page = found._repr_html_()
    assert not acts(page)
    tags = set(re.findall(r"<(\w+)", page.partition("</style>")[2]))
    assert tags <= {"p", "b", "span", "bdi", "table", "caption", "thead", "tbody", "tr", "th", "td"}
