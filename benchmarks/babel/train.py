"""Make Babel's model from a seed: corpus, tokenizer, a small Llama, checkpoint, evaluation.

    python -m xtransplant.benchmarks.babel.train [--output DIR] [--seed 0] [--device cpu]

The same seed, machine and thread count give the same weights; the corpus and the tokenizer are
the same anywhere.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from xtransplant.benchmarks.babel.evaluate import evaluate, table
from xtransplant.benchmarks.babel.task import CANDIDATES
from xtransplant.benchmarks.babel.world import corpus

__all__ = ["Recipe", "make_model", "train", "train_tokenizer"]

_START, _END = "<s>", "</s>"
_BUCKET = 16
# Words with the space before them. Marks belong to words: Devanagari vowels are marks, and the
# usual GPT-2 pattern would cut every Hindi word at each of them. Chinese characters stand alone,
# or a name's last one could grow together with the word after it.
_WORDS = r"\p{Han}| ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+"


@dataclass(frozen=True)
class Recipe:
    """What the training run is made of; the defaults made the bundled checkpoint."""

    n_layers: int = 8
    width: int = 128
    ffn_width: int = 256
    n_heads: int = 4
    vocabulary: int = 1200
    steps: int = 1600
    batch: int = 96
    rate: float = 2e-3
    weight_decay: float = 0.1
    wording: float = 0.1
    """How much a token of the wording counts in the loss, where the number counts 1."""


def main() -> None:
    """Read the command line, train, save, evaluate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("babel-checkpoint"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="such as cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = Recipe()
    sentences = corpus(arguments.seed)
    tokenizer = train_tokenizer([text for pair in sentences for text in pair], recipe)
    torch.manual_seed(arguments.seed)
    model = make_model(tokenizer, recipe).to(arguments.device)
    train(model, tokenizer, sentences, recipe, arguments.seed)
    model.to("cpu").save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)
    print(table(evaluate(arguments.output)))


def train_tokenizer(texts: list[str], recipe: Recipe) -> Any:
    """A byte-level BPE tokenizer in which every answer is one token."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        special_tokens=[_START, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Rare numbers must be merged too: an answer of two tokens could not be transplanted in one.
    core.train_from_iterator([*texts, *CANDIDATES * 200], trainer)
    core.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A", special_tokens=[(_START, core.token_to_id(_START))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=_START,
        eos_token=_END,
        pad_token=_END,
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: Any, recipe: Recipe) -> LlamaForCausalLM:
    """A small Llama with random weights."""
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.ffn_width,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        num_key_value_heads=recipe.n_heads,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        dtype="float32",
        **special,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(do_sample=False, max_new_tokens=20, **special)
    return model


def train(
    model: Any, tokenizer: Any, sentences: tuple[tuple[str, str], ...], recipe: Recipe, seed: int
) -> None:
    """Next-token prediction over single sentences; the number weighs more than the wording."""
    data = [encode(tokenizer, prompt, answer, recipe.wording) for prompt, answer in sentences]
    rng = random.Random(seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay
    )
    model.train()
    started = time.perf_counter()
    queue: list[list[int]] = []
    for step in range(recipe.steps):
        if not queue:
            queue = batches([len(ids) for ids, _ in data], recipe.batch, rng)
        rows = [data[k] for k in queue.pop()]
        ids, weights = collate(rows, model.config.pad_token_id, model.device)
        warm = min(1.0, (step + 1) / 100)
        cosine = 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * warm * (0.02 + 0.98 * cosine)
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        loss = (losses * weights[:, 1:].flatten()).sum() / weights[:, 1:].sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0 or step == recipe.steps - 1:
            spent = time.perf_counter() - started
            print(f"step {step} loss {loss.item():.3f} {spent:.0f} s", file=sys.stderr, flush=True)
    model.eval()


def encode(
    tokenizer: Any, prompt: str, answer: str, wording: float
) -> tuple[list[int], list[float]]:
    """Token ids of a sentence, and how much each counts as something to predict."""
    start = tokenizer.encode(prompt)
    end = [*tokenizer.encode(answer, add_special_tokens=False), tokenizer.eos_token_id]
    return [*start, *end], [wording] * len(start) + [1.0] + [wording] * (len(end) - 1)


def batches(lengths: list[int], size: int, rng: random.Random) -> list[list[int]]:
    """One epoch in random order, sentences of like length together, so that little is padding."""
    order = rng.sample(range(len(lengths)), len(lengths))
    found = []
    for start in range(0, len(order), size * _BUCKET):
        near = sorted(order[start : start + size * _BUCKET], key=lambda k: lengths[k])
        found += [near[k : k + size] for k in range(0, len(near), size)]
    rng.shuffle(found)
    return found


def collate(
    rows: list[tuple[list[int], list[float]]], pad: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Right-padded ids and weights, ``[batch, length]``; padding weighs nothing."""
    length = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in rows], device=device)
    padded = [weights + [0.0] * (length - len(weights)) for _, weights in rows]
    return ids, torch.tensor(padded, device=device)


if __name__ == "__main__":
    main()
