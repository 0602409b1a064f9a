"""Plain hooks on the unchanged model, one decoding step at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch
from reference import blocks
from torch import Tensor

from xtransplant.strategies.edits import parse_when


def adding(value: Tensor) -> Callable[..., None]:
    """A hook that adds a vector to every token of an output."""

    def act(m: Any, a: Any, output: Any) -> None:
        first_of(output).add_(value)

    return act


def first_of(output: Any) -> Tensor:
    """The tensor of an output that may be a tuple."""
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found


@torch.no_grad()
def whole_likelihood(plain: Any, prompt: Sequence[int], ids: Sequence[int]) -> float:
    """Log-likelihood of a candidate, all of it in one pass."""
    logits = plain(torch.tensor([[*prompt, *ids]], device=plain.device)).logits[0]
    logprobs = logits.float().log_softmax(-1)
    return sum(float(logprobs[len(prompt) - 1 + k, token]) for k, token in enumerate(ids))


def module_at(plain: Any, name: str, layer: int) -> Any:
    """A block, or its feed-forward network."""
    block = blocks(plain)[layer]
    return block if name == "block" else block.mlp


@torch.no_grad()
def read_output(plain: Any, ids: Sequence[int], layer: int, name: str = "mlp") -> Tensor:
    """A feed-forward's or a block's output at the last token, ``[d_model]``."""
    seen: list[Tensor] = []
    handle = module_at(plain, name, layer).register_forward_hook(
        lambda m, a, output: seen.append(first_of(output)[0, -1].clone())
    )
    plain(torch.tensor([list(ids)], device=plain.device))
    handle.remove()
    return seen[0]


class PlainSteps:
    """The unchanged model, whose ``ffn`` or block's output becomes ``value + weight * itself``."""

    def __init__(
        self,
        plain: Any,
        prompt: Sequence[int],
        place: tuple[str, int],
        value: Tensor,
        weight: float,
        words: tuple[str, str],
    ) -> None:
        """``place`` is as :func:`module_at` takes it, ``words`` say when and through what."""
        self.plain, self.prompt, self.value, self.weight = plain, prompt, value, weight
        self.when, self.through = parse_when(words[0]), words[1]
        self.module = module_at(plain, *place)
        # Where nothing ends a text.
        self.end = plain.generation_config.eos_token_id

    def _pass(self, ids: Sequence[int], cache: Any, edited: bool) -> tuple[Tensor, Any]:
        def act(m: Any, a: Any, output: Any) -> None:
            stream = first_of(output)
            stream[:, -1] = self.value + self.weight * stream[:, -1]

        handle = self.module.register_forward_hook(act) if edited else None
        tokens = torch.tensor([list(ids)], device=self.plain.device)
        found = self.plain(tokens, past_key_values=cache, use_cache=True)
        if handle:
            handle.remove()
        return found.logits[0, -1].float().log_softmax(-1), found.past_key_values

    @torch.no_grad()
    def _steps(self) -> Generator[Tensor, int, None]:
        """Send a token in, and have the log-probabilities of what follows out."""
        logits, cache = self._pass(self.prompt, None, self.when.has(0))
        if self.through == "logits":
            cache = self._pass(self.prompt, None, False)[1]
        if self.through == "cache":
            logits = self._pass(self.prompt, None, False)[0]
        step = 1
        while True:
            token = yield logits
            logits, cache = self._pass([token], cache, self.when.has(step))
            step += 1

    def score(self, ids: Sequence[int]) -> float:
        """Log-likelihood of a candidate."""
        steps = self._steps()
        total, logprobs = 0.0, next(steps)
        for number, token in enumerate(ids):
            total += float(logprobs[token])
            if number + 1 < len(ids):
                logprobs = steps.send(token)
        return total

    def generate(self, n_new: int) -> list[int]:
        """Greedy continuation."""
        steps = self._steps()
        ids = [int(next(steps).argmax())]
        while len(ids) < n_new and ids[-1] != self.end:
            ids.append(int(steps.send(ids[-1]).argmax()))
        return ids
