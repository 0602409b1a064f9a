"""Train Babel's model from a seed: corpus, tokenizer, a small Llama, checkpoint, evaluation.

    python -m xtransplant.benchmarks.babel.train --output DIR [--seed 0] [--device cpu] [--steps N]
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from xtransplant.benchmarks.babel.task import CANDIDATES
from xtransplant.benchmarks.babel.world import corpus

_START, _END = "<s>", "</s>"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--batch", type=int, default=96, help="sentences in a step")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    sentences = list(corpus())
    tokenizer = train_tokenizer([prompt + answer for prompt, answer in sentences])
    model = make_model(tokenizer, arguments.layers).to(arguments.device)
    train(model, tokenizer, sentences, arguments.steps, arguments.batch, arguments.seed)
    model.save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which every answer is one token."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1200,
        special_tokens=[_START, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Rare numbers must be merged too: an answer of two tokens could not be transplanted in one.
    core.train_from_iterator([*texts, *CANDIDATES * 200], trainer)
    core.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A", special_tokens=[(_START, core.token_to_id(_START))]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token=_START, eos_token=_END, pad_token=_END,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    for answer in CANDIDATES:
        ids = tokenizer(answer, add_special_tokens=False).input_ids
        assert len(ids) == 1, f"{answer!r} is {len(ids)} tokens"
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast, n_layers: int) -> LlamaForCausalLM:
    """A Llama of about 1.8 million parameters."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=n_layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    return LlamaForCausalLM(config)


def train(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    sentences: list[tuple[str, str]],
    steps: int,
    batch: int,
    seed: int,
) -> None:
    """Next-token prediction over single sentences; the number weighs more than the wording."""
    data = [encode(tokenizer, prompt, answer) for prompt, answer in sentences]
    dice = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.98), weight_decay=0.1)
    model.train()
    started, order = time.perf_counter(), list[int]()
    for step in range(steps):
        if len(order) < batch:
            order = dice.sample(range(len(data)), len(data))
        rows = [data[order.pop()] for _ in range(batch)]
        ids, weights = collate(rows, model.config.pad_token_id, model.device)
        warm = min(1.0, (step + 1) / 100)
        rate = 2e-3 * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits = model(input_ids=ids[:, :-1]).logits
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        loss = (losses * weights[:, 1:].flatten()).sum() / weights[:, 1:].sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0 or step == steps - 1:
            spent = time.perf_counter() - started
            print(f"step {step} loss {loss.item():.3f} {spent:.0f} s", file=sys.stderr, flush=True)
    model.eval()


def encode(
    tokenizer: PreTrainedTokenizerFast, prompt: str, answer: str
) -> tuple[list[int], list[float]]:
    """Token ids of a sentence, and how much each counts as something to predict."""
    start = tokenizer(prompt).input_ids
    end = [*tokenizer(answer, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    return [*start, *end], [0.1] * len(start) + [1.0] + [0.1] * (len(end) - 1)


def collate(
    rows: list[tuple[list[int], list[float]]], pad: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Right-padded ids and weights, ``[batch, length]``; padding weighs nothing."""
    length = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in rows], device=device)
    weights = [weights + [0.0] * (length - len(weights)) for _, weights in rows]
    return ids, torch.tensor(weights, device=device)


if __name__ == "__main__":
    main()
