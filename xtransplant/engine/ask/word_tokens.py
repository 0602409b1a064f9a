"""At which tokens a prompt's words end, for examples whose words are aligned."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xtransplant.engine.ask.tokenise import prompt_text
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.prompts import Example

__all__ = ["aligned_tokens"]


def aligned_tokens(
    model: Model,
    example: Example,
    source: Sequence[int],
    target: Sequence[int],
    *,
    chat_template: bool = False,
) -> list[tuple[int, int]]:
    """An example's word pairs as pairs of tokens, each the last of its word.

    At a word's last token the model has read all of it. Words are what white space divides.

    Args:
        model: gives the tokenizer.
        example: its prompts and alignment.
        source: the source prompt's token ids.
        target: the target prompt's.
        chat_template: the prompts were passed through the checkpoint's chat template.

    Raises:
        XTransplantError: a word that a prompt has not, or a tokenizer that does not say which
            characters its tokens are of.
    """
    if not example.alignment:
        return []
    ends = [
        _word_ends(model, text, ids, chat_template=chat_template)
        for text, ids in ((example.source, source), (example.target, target))
    ]
    found = []
    for pair in example.alignment:
        for side, word, own in zip(("source", "target"), pair, ends, strict=True):
            if not 0 <= word < len(own):
                raise XTransplantError(
                    f"example {example.id!r}: alignment {pair[0]}-{pair[1]} names word {word} of "
                    f"the {side}, which has {len(own)} words, counted from 0 and divided by white "
                    "space"
                )
        found.append((ends[0][pair[0]], ends[1][pair[1]]))
    return list(dict.fromkeys(found))


def _word_ends(model: Model, text: str, ids: Sequence[int], *, chat_template: bool) -> list[int]:
    """The last token of each word."""
    tokenizer = model.tokenizer
    if not tokenizer.is_fast:
        raise XTransplantError(
            f"{type(tokenizer).__name__} does not say which characters a token is of, so words "
            "cannot be aligned by it; use a checkpoint with a fast tokenizer (tokenizer.json)"
        )
    whole = prompt_text(model, text, chat_template=chat_template)
    start = whole.rfind(text)
    found = tokenizer(
        whole, add_special_tokens=not chat_template, return_offsets_mapping=True
    ).offset_mapping
    shift = len(ids) - len(found)  # what every prompt is begun with
    if start < 0 or shift < 0:
        raise XTransplantError(
            "the chat template changes the prompt's own text, so that its words cannot be found in "
            "it; leave --apply-chat-template off"
        )
    ends = []
    for word in re.finditer(r"\S+", text):
        last = start + word.end() - 1  # the word's last character
        ends.append(shift + max(k for k, (a, b) in enumerate(found) if a <= last < b))
    return ends
