"""From text to token ids: prompts, and candidates as their continuations."""

from __future__ import annotations

from collections.abc import Sequence

from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model

__all__ = ["candidate_ids", "encode", "prompt_ids"]


def prompt_ids(
    model: Model, prompt: str, *, chat_template: bool = False, limited: bool = True
) -> list[int]:
    """Token ids of a prompt, with the special tokens its tokenizer adds.

    Args:
        limited: refuse a prompt longer than the model's context.

    Raises:
        XTransplantError: an empty prompt, one longer than the model's context, or a chat template
            asked of a tokenizer that has none.
    """
    if not prompt.strip():
        raise XTransplantError("the prompt is empty; give some text")
    if chat_template:
        if not model.tokenizer.chat_template:
            raise XTransplantError(
                f"{model.name} has no chat template; leave --apply-chat-template off "
                "or use an instruction-tuned checkpoint"
            )
        ids = model.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_dict=False
        )
    else:
        ids = model.tokenizer(prompt).input_ids
    limit = getattr(model.config, "max_position_embeddings", None)
    if limited and limit is not None and len(ids) >= limit:
        raise XTransplantError(
            f"the prompt has {len(ids)} tokens, {model.name} reads at most {limit - 1}; shorten it"
        )
    return list(ids)


def candidate_ids(
    model: Model, prompt: str, ids: Sequence[int], candidates: Sequence[str]
) -> list[list[int]]:
    """Token ids of each candidate as a continuation of a prompt.

    The tokens of prompt and candidate together, less the prompt's; where the two do not meet at a
    token's edge, the candidate's tokens by themselves (the prompt's ids must stay as they are).

    Raises:
        XTransplantError: a candidate that makes no token.
    """
    found = []
    encoded = encode(model, [prompt + candidate for candidate in candidates])
    for candidate, together in zip(candidates, encoded, strict=True):
        if candidate and together[: len(ids)] == list(ids) and len(together) > len(ids):
            own = list(together[len(ids) :])
        else:
            own = list(model.tokenizer(candidate, add_special_tokens=False).input_ids)
        if not own:
            raise XTransplantError(f"candidate {candidate!r} makes no token; leave it out")
        found.append(own)
    return found


def encode(model: Model, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of many texts in one call: what a call adds costs more than what it encodes."""
    if not texts:
        return []
    if model.tokenizer.is_fast:
        found = model.tokenizer.backend_tokenizer.encode_batch_fast(list(texts))
        # The wrapper may add to what its core does: then it is asked itself.
        if list(found[0].ids) == list(model.tokenizer(texts[0]).input_ids):
            return [list(one.ids) for one in found]
    return [list(ids) for ids in model.tokenizer(list(texts)).input_ids]
