"""Whether prompts begin with the beginning-of-sequence token that the model was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["Beginning", "beginning_of"]

# By model_type, families trained with a beginning-of-sequence token before every text, and how that
# token is written. A checkpoint of type llama whose token is another one (SmolLM, Yi) need not have
# been; Qwen, GPT-2, GPT-NeoX, OLMo and Falcon were not.
_ALWAYS = {
    **dict.fromkeys(
        ("gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text"), ("<bos>",)
    ),
    "llama": ("<s>", "<|begin_of_text|>"),
    **dict.fromkeys(("llama4", "llama4_text"), ("<|begin_of_text|>",)),
    **dict.fromkeys(("mistral", "mixtral"), ("<s>",)),
    **dict.fromkeys(("cohere", "cohere2"), ("<BOS_TOKEN>",)),
    **dict.fromkeys(("deepseek_v2", "deepseek_v3"), ("<｜begin▁of▁sentence｜>",)),
}


@dataclass(frozen=True)
class Beginning:
    """How a model's prompts begin.

    Attributes:
        token: id of the checkpoint's beginning-of-sequence token; None if it has none.
        text: how that token is written.
        by_tokenizer: whether its tokenizer puts it before a prompt.
        always: whether its family was trained with it before every text.
        added: whether it is put there because :func:`xtransplant.load` was called with ``add_bos``.
    """

    token: int | None
    text: str = ""
    by_tokenizer: bool = False
    always: bool = False
    added: bool = False

    @property
    def missing(self) -> bool:
        """Whether prompts lack a token that the model was always trained with."""
        return self.always and not (self.by_tokenizer or self.added)

    @property
    def note(self) -> str:
        """One line for the user on how prompts begin."""
        if self.token is None:
            return "prompts begin with no token of their own: the checkpoint names none"
        if self.added:
            return f"prompts begin with {self.text}, as --add-bos asks"
        if self.by_tokenizer:
            return f"prompts begin with {self.text}, which the tokenizer adds"
        if self.always:
            return (
                f"the tokenizer adds no {self.text}, which this family was trained with before "
                "every text: answers get worse; --add-bos (add_bos=True) adds it"
            )
        return f"prompts begin without {self.text}: the tokenizer adds none"

    def prepend_to(self, ids: list[int]) -> list[int]:
        """A prompt's ids with the token in front, if it is to be added and not there yet."""
        if self.added and self.token is not None and ids[:1] != [self.token]:
            return [self.token, *ids]
        return ids


def beginning_of(config: Any, tokenizer: Any, name: str, *, add_bos: bool = False) -> Beginning:
    """How a checkpoint's prompts begin.

    Args:
        config: the text part of its configuration.
        tokenizer: the checkpoint's.
        name: the checkpoint, for messages.
        add_bos: put its beginning-of-sequence token before prompts that do not begin with it.

    Raises:
        XTransplantError: ``add_bos`` where the tokenizer adds it itself or there is none.
    """
    token = getattr(config, "bos_token_id", None)
    if isinstance(token, (list, tuple)):
        token = token[0] if token else None
    if token is None:
        token = tokenizer.bos_token_id
    if token is None:
        if add_bos:
            raise XTransplantError(
                f"{name} names no beginning-of-sequence token; leave --add-bos off"
            )
        return Beginning(None)
    text = str(tokenizer.convert_ids_to_tokens(int(token)))
    by_tokenizer = list(tokenizer("a").input_ids)[:1] == [token]
    if add_bos and by_tokenizer:
        raise XTransplantError(f"the tokenizer of {name} adds {text} itself; leave --add-bos off")
    always = text in _ALWAYS.get(getattr(config, "model_type", ""), ())
    return Beginning(int(token), text, by_tokenizer, always, add_bos)
