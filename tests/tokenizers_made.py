"""Tokenizers made on the spot: SentencePiece as Llama's files have it, old and new, and bytes."""

from __future__ import annotations

from tiny import GOLDEN
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

PIECES = ("▁yes", "yes", "▁no", "▁Answer", "▁17", "▁the", "▁town")
TEMPLATES = {
    # As Llama 2, ChatML and Gemma end: after a bracket, after a line, after a space.
    "bracket": "<s>[INST] {{ messages[0]['content'] }} [/INST]",
    "line": "<s>user\n{{ messages[0]['content'] }}</s>\nmodel\n",
    "space": "user: {{ messages[0]['content'] }} model: ",
}


def sentencepiece(*, legacy: bool) -> PreTrainedTokenizerFast:
    """Letters, a few pieces, bytes for the rest; ``legacy`` puts a space before every text."""
    special = ["<unk>", "<s>", "</s>"]
    letters = sorted({*"▁abcdefghijklmnopqrstuvwxyzABIJNST0123456789:()[]/.,?"})
    vocabulary = {
        text: n for n, text in enumerate([*special, *(f"<0x{b:02X}>" for b in range(256))])
    }
    merges = []
    for text in letters:
        vocabulary.setdefault(text, len(vocabulary))
    for piece in PIECES:
        for end in range(2, len(piece) + 1):
            if piece[:end] not in vocabulary:
                vocabulary[piece[:end]] = len(vocabulary)
                merges.append((piece[: end - 1], piece[end - 1]))
    model = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    tokenizer = Tokenizer(model)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if legacy:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def byte_level() -> PreTrainedTokenizerBase:
    """The golden tokenizer: bytes, with ``<s>`` before every text."""
    return AutoTokenizer.from_pretrained(GOLDEN / "llama")


MADE = {
    "legacy": lambda: sentencepiece(legacy=True),
    "metaspace": lambda: sentencepiece(legacy=False),
    "bytes": byte_level,
}
