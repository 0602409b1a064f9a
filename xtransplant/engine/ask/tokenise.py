"""From text to token ids: prompts, and candidates as continuations of what the model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model

__all__ = ["candidate_ids", "encode", "prompt_ids", "prompt_lengths", "prompt_text"]

# What a candidate is tokenised after where its own prompt shares a token with it: the first of
# these that stays a token of its own.
_ANCHORS = ("\n", ".")


def prompt_ids(
    model: Model, prompt: str, *, chat_template: bool = False, limited: bool = True
) -> list[int]:
    """Token ids of a prompt, with the special tokens its tokenizer or its chat template adds.

    Args:
        model: gives the tokenizer.
        prompt: the text.
        chat_template: pass the text through the checkpoint's chat template.
        limited: refuse a prompt longer than the model's context.

    Raises:
        XTransplantError: an empty prompt, one longer than the model's context, or a chat template
            asked of a tokenizer that has none.
    """
    if not prompt.strip():
        raise XTransplantError("the prompt is empty; give some text")
    if chat_template:
        ids = model.beginning.prepend_to(list(_templated(model, prompt, tokenize=True)))
    else:
        [ids] = encode(model, [prompt])
    limit = getattr(model.config, "max_position_embeddings", None)
    if limited and limit is not None and len(ids) >= limit:
        raise XTransplantError(
            f"the prompt has {len(ids)} tokens, {model.name} reads at most {limit - 1}; shorten it"
        )
    return ids


def candidate_ids(
    model: Model,
    prompt: str,
    ids: Sequence[int],
    candidates: Sequence[str],
    *,
    chat_template: bool = False,
) -> list[list[int]]:
    """Token ids of each candidate as a continuation of a prompt.

    Prompt (with ``chat_template``, what the template makes of it) and candidate are tokenised
    together, and the prompt's tokens left out. Where a token spans the boundary between the two,
    the candidate is tokenised by itself, since the prompt's ids must stay as they are. No space is
    added or removed: SentencePiece's dummy prefix is not put before a candidate.

    Args:
        model: gives the tokenizer.
        prompt: the text that the candidates continue.
        ids: the prompt's token ids, as :func:`prompt_ids` gives them.
        candidates: the texts.
        chat_template: the prompt is passed through the checkpoint's chat template.

    Raises:
        XTransplantError: a candidate that makes no token.
    """
    found = []
    text = prompt_text(model, prompt, chat_template=chat_template)
    texts = [text + candidate for candidate in candidates]
    # A template writes its special tokens itself.
    encoded = encode(model, texts, special=not chat_template)
    for candidate, together in zip(candidates, encoded, strict=True):
        if candidate and together[: len(ids)] == list(ids) and len(together) > len(ids):
            own = list(together[len(ids) :])
        else:
            own = _alone(model, candidate)
        if not own:
            raise XTransplantError(f"candidate {candidate!r} makes no token; leave it out")
        found.append(own)
    return found


def encode(model: Model, texts: Sequence[str], *, special: bool = True) -> list[list[int]]:
    """Token ids of many texts in one call, each with the beginning that the model is to see.

    Args:
        model: gives the tokenizer.
        texts: the texts.
        special: add the tokenizer's special tokens.
    """
    return [model.beginning.prepend_to(ids) for ids in _encoded(model, texts, special=special)]


def prompt_lengths(
    model: Model, prompts: Sequence[str], *, chat_template: bool = False
) -> list[int]:
    """How many tokens each prompt has, whatever the model's context."""
    if chat_template:
        return [len(prompt_ids(model, p, chat_template=True, limited=False)) for p in prompts]
    return [len(ids) for ids in encode(model, prompts)]


def prompt_text(model: Model, prompt: str, *, chat_template: bool = False) -> str:
    """What is tokenised of a prompt: it, or what the chat template makes of it."""
    return str(_templated(model, prompt, tokenize=False)) if chat_template else prompt


def _templated(model: Model, prompt: str, *, tokenize: bool) -> Any:
    """What the chat template makes of a prompt: its text, or the token ids."""
    if not model.tokenizer.chat_template:
        raise XTransplantError(
            f"{model.name} has no chat template; leave --apply-chat-template off "
            "or use an instruction-tuned checkpoint"
        )
    return model.tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}],
        add_generation_prompt=True,
        tokenize=tokenize,
        return_dict=False,
    )


def _alone(model: Model, candidate: str) -> list[int]:
    """Tokens of a text that continues another one, whatever that is.

    Tokenised without anything before it, SentencePiece would put a space (dummy prefix) in front.
    """
    for anchor in _ANCHORS:
        before, both = _encoded(model, [anchor, anchor + candidate], special=False)
        if before and both[: len(before)] == before and len(both) > len(before):
            return both[len(before) :]
    return _encoded(model, [candidate], special=False)[0] if candidate else []


def _encoded(model: Model, texts: Sequence[str], *, special: bool) -> list[list[int]]:
    """Token ids, by the Rust core of a fast tokenizer: the Python wrapper costs more than that."""
    if not texts:
        return []
    tokenizer = model.tokenizer
    if tokenizer.is_fast:
        found = tokenizer.backend_tokenizer.encode_batch_fast(
            list(texts), add_special_tokens=special
        )
        # The wrapper may add to what its core does; where it does, it is used after all.
        if list(found[0].ids) == list(tokenizer(texts[0], add_special_tokens=special).input_ids):
            return [list(one.ids) for one in found]
    return [list(ids) for ids in tokenizer(list(texts), add_special_tokens=special).input_ids]
