"""Token ids: what the model reads of a prompt, and candidates as continuations of just that."""

from dataclasses import replace

import numpy as np
import pytest
from tokenizers_made import MADE, TEMPLATES

from xtransplant import transplant
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.tokenise import candidate_ids, encode, prompt_ids, prompt_lengths
from xtransplant.errors import XTransplantError
from xtransplant.grid.captions import vanilla_answer
from xtransplant.model.tokenizer import Beginning, beginning_of
from xtransplant.prompts import Example

PROMPTS = ("Jibu:", "Jibu: ", "the town", "a\n")
CANDIDATES = (" yes", "yes", " no", "no", "17", "\n\nyes", "(1)", " the town", "  yes", "é")


@pytest.fixture(scope="module", params=MADE)
def made(request, llama):
    """A model with each tokenizer; the network is of no account here."""
    return replace(llama, tokenizer=MADE[request.param]())


def templated(model, template):
    model.tokenizer.chat_template = TEMPLATES.get(template)
    return {"chat_template": template is not None}


@pytest.mark.parametrize("template", [None, *TEMPLATES])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompt_and_candidate_say_what_they_say_and_no_space_more(made, template, prompt):
    how = templated(made, template)
    ids = prompt_ids(made, prompt, **how)
    decoded = made.tokenizer.decode(ids)
    for candidate, own in zip(
        CANDIDATES, candidate_ids(made, prompt, ids, CANDIDATES, **how), strict=True
    ):
        assert made.tokenizer.decode([*ids, *own]) == decoded + candidate


@pytest.mark.parametrize("template", [None, *TEMPLATES])
def test_a_candidate_is_tokenised_after_what_the_model_reads(made, template):
    how = templated(made, template)
    read = "Jibu:"
    if template is not None:
        message = [{"role": "user", "content": read}]
        read = made.tokenizer.apply_chat_template(
            message, tokenize=False, add_generation_prompt=True
        )
    ids = prompt_ids(made, "Jibu:", **how)
    assert ids == made.tokenizer(read, add_special_tokens=template is None).input_ids
    met = 0
    for candidate in CANDIDATES:
        together = made.tokenizer(read + candidate, add_special_tokens=template is None).input_ids
        [own] = candidate_ids(made, "Jibu:", ids, [candidate], **how)
        if together[: len(ids)] == ids:
            assert [*ids, *own] == together
            met += 1
    assert met


def test_a_template_changes_what_a_candidate_is_split_into(llama):
    model = replace(llama, tokenizer=MADE["legacy"]())
    # After a line's end the space stands alone or with its word; after a space it would be two.
    how = templated(model, "space")
    ids = prompt_ids(model, "Jibu:", **how)
    words = [model.tokenizer.convert_ids_to_tokens(own)
             for own in candidate_ids(model, "Jibu:", ids, ["yes", " yes"], **how)]  # fmt: skip
    assert words == [["yes"], ["▁yes"]]


def test_a_candidate_of_nothing_is_refused(made):
    templated(made, None)
    with pytest.raises(XTransplantError, match="makes no token"):
        candidate_ids(made, "Jibu:", prompt_ids(made, "Jibu:"), [""])


@pytest.mark.parametrize("template", [None, *TEMPLATES])
def test_bos_is_added_once_and_only_where_it_is_not_there(llama, template):
    model = replace(llama, tokenizer=MADE["legacy"]())
    how = templated(model, template)
    begun = replace(model, beginning=beginning_of(model.config, model.tokenizer, "m", add_bos=True))
    plain, ids = (prompt_ids(one, "Jibu:", **how) for one in (model, begun))
    written = template is not None and TEMPLATES[template].startswith("<s>")
    assert ids == (plain if written else [1, *plain])
    assert prompt_lengths(begun, ["Jibu:"], **how) == [len(ids)]
    # Candidates are the same ones.
    assert candidate_ids(begun, "Jibu:", ids, CANDIDATES, **how) == candidate_ids(
        model, "Jibu:", plain, CANDIDATES, **how
    )
    assert encode(begun, ["<s>Jibu:"])[0].count(1) == 1


def test_each_prompt_has_its_own_spelling(llama):
    example = Example("Answer:", "Jibu：", ("yes", "no"), "yes", source_candidates=(" yes", " no"))
    item, other = item_of(llama, example), item_of(llama, replace(example, target="Другое"))
    assert item.source_candidates == other.source_candidates
    for ids, prompt, spelled in (
        (item.source_candidates, item.source, example.source_candidates),
        (item.target_candidates, item.target, example.candidates),
    ):
        texts = [llama.tokenizer.decode(own) for own in ids]
        assert texts == list(spelled), prompt
    with pytest.raises(XTransplantError, match="3 candidates after its source and 2 after"):
        item_of(llama, replace(example, source_candidates=("a", "b", "c")))


def test_a_grid_names_what_the_source_would_say_as_it_is_spelled_there(llama):
    example = Example("Answer:", "Jibu：", ("yes", "no"), "yes", source_candidates=(" yes", " no"))
    grid = transplant(llama, example, "none", source_layers=[0], target_layers=[0])
    best = int(grid.scores.source.argmax())
    assert grid.vanilla_answer("source") == example.source_candidates[best]
    assert grid.vanilla_answer("target") in example.candidates
    found = grid.to_dict()["vanilla"]
    assert found["source"]["logprobs"] == dict(
        zip(example.source_candidates, grid.scores.source.tolist(), strict=True)
    )
    assert set(found["target"]["logprobs"]) == set(example.candidates)
    answer, probability = vanilla_answer(grid, "source")
    assert answer == example.source_candidates[best]
    assert probability == pytest.approx(float(np.exp(grid.scores.source[best])))


class Config:
    def __init__(self, model_type, bos_token_id=1):
        self.model_type, self.bos_token_id = model_type, bos_token_id


@pytest.mark.parametrize(
    ("tokenizer", "config", "missing"),
    [
        ("legacy", Config("llama"), True),
        ("metaspace", Config("mistral"), True),
        ("bytes", Config("llama"), False),  # it adds its own
        ("legacy", Config("qwen2"), False),  # does without
        ("legacy", Config("gpt2"), False),
        ("legacy", Config("llama", 2), False),  # another family in Llama's clothes
        ("legacy", Config("gemma3_text"), False),  # whose token is not <bos>
    ],
)
def test_a_tokenizer_that_forgets_the_beginning(tokenizer, config, missing):
    found = beginning_of(config, MADE[tokenizer](), "m")
    assert found.missing == missing
    assert ("--add-bos" in found.note) == missing


@pytest.mark.parametrize(
    ("kind", "text"),
    [("gemma3_text", "<bos>"), ("llama", "<|begin_of_text|>"), ("cohere2", "<BOS_TOKEN>"),
     ("llama", "<|im_start|>")],
)  # fmt: skip
def test_a_family_is_known_by_its_own_token(kind, text):
    tokenizer = MADE["legacy"]()
    tokenizer.add_special_tokens({"bos_token": text})
    found = beginning_of(Config(kind, tokenizer.bos_token_id), tokenizer, "m")
    # SmolLM is of type llama, begins with another token, and learnt without it.
    assert found.missing == (text != "<|im_start|>")


def test_add_bos_that_could_do_nothing_is_refused():
    with pytest.raises(XTransplantError, match="adds <s> itself"):
        beginning_of(Config("llama"), MADE["bytes"](), "m", add_bos=True)
    tokenizer = MADE["legacy"]()
    tokenizer.bos_token = None
    with pytest.raises(XTransplantError, match="names no beginning-of-sequence"):
        beginning_of(Config("llama", None), tokenizer, "m", add_bos=True)
    assert beginning_of(Config("llama", None), tokenizer, "m") == Beginning(None)
