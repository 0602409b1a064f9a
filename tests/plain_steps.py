"""Plain hooks on the unchanged model, one decoding step at a time."""

import torch
from reference import blocks

from xtransplant.strategies.edits import parse_when


def adding(value):
    def act(m, a, output):
        first_of(output).add_(value)

    return act


def first_of(output):
    return output[0] if isinstance(output, tuple) else output


@torch.no_grad()
def whole_likelihood(plain, prompt, ids):
    """Log-likelihood of a candidate, all of it in one pass."""
    logits = plain(torch.tensor([[*prompt, *ids]], device=plain.device)).logits[0]
    logprobs = logits.float().log_softmax(-1)
    return sum(float(logprobs[len(prompt) - 1 + k, token]) for k, token in enumerate(ids))


def module_at(plain, name, layer):
    block = blocks(plain)[layer]
    return block if name == "block" else block.mlp


@torch.no_grad()
def read_output(plain, ids, layer, name="mlp"):
    """A feed-forward's or a block's output at the last token, ``[d_model]``."""
    seen = []
    handle = module_at(plain, name, layer).register_forward_hook(
        lambda m, a, output: seen.append(first_of(output)[0, -1].clone())
    )
    plain(torch.tensor([list(ids)], device=plain.device))
    handle.remove()
    return seen[0]


class PlainSteps:
    """The unchanged model, whose ``ffn`` or block's output becomes ``value + weight * itself``."""

    def __init__(self, plain, prompt, place, value, weight, when, through):
        self.plain, self.prompt, self.value, self.weight = plain, prompt, value, weight
        self.when, self.through = parse_when(when), through
        self.module = module_at(plain, *place)
        # Where nothing ends a text.
        self.end = plain.generation_config.eos_token_id

    def _pass(self, ids, cache, edited):
        def act(m, a, output):
            stream = first_of(output)
            stream[:, -1] = self.value + self.weight * stream[:, -1]

        handle = self.module.register_forward_hook(act) if edited else None
        ids = torch.tensor([list(ids)], device=self.plain.device)
        found = self.plain(ids, past_key_values=cache, use_cache=True)
        if handle:
            handle.remove()
        return found.logits[0, -1].float().log_softmax(-1), found.past_key_values

    @torch.no_grad()
    def _steps(self):
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

    def score(self, ids):
        steps = self._steps()
        total, logprobs = 0.0, next(steps)
        for number, token in enumerate(ids):
            total += float(logprobs[token])
            if number + 1 < len(ids):
                logprobs = steps.send(token)
        return total

    def generate(self, n_new):
        steps = self._steps()
        ids = [int(next(steps).argmax())]
        while len(ids) < n_new and ids[-1] != self.end:
            ids.append(int(steps.send(ids[-1]).argmax()))
        return ids
