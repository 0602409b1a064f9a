"""Raw strategies for Llamas: twins of recorded ones, and what only a script can say."""

import torch

from xtransplant import strategy


@strategy("raw-attn", raw=True)
def raw_attn(model, i, j):
    value = model.model.layers[i].self_attn.output[0][:, -1].clone()
    yield
    model.model.layers[j].self_attn.output[0][:, -1] = value


@strategy("raw-blend", raw=True)
def raw_blend(model, i, j, *, weight: float = 0.5):
    value = model.model.layers[i].mlp.output[0, -1].clone()
    yield
    last = model.model.layers[j].mlp.output[0, -1]
    last[:] = (1 - weight) * last + weight * value


def most_alike(rows, row):
    return torch.cosine_similarity(rows, row[None], dim=-1).argmax()


@strategy("nearest-token", raw=True)
def nearest_token(model, i, j):
    """The source's last activation at the token of the target that is most like it."""
    value = model.model.layers[i].mlp.output[0, -1].clone()  # [d_model]
    yield
    rows = model.model.layers[j].mlp.output[0]  # [n_tokens, d_model]
    rows[most_alike(rows, value)] = value


@strategy("uphill", raw=True)
def uphill(model, i, j):
    """Along the gradient of the source's most probable logit."""
    output = model.model.layers[i].mlp.output
    output.requires_grad_(True)
    best = model.output.logits[0, -1].max()
    with best.backward():
        slope = output.grad[0, -1].clone()
    yield
    model.model.layers[j].mlp.output[0, -1] += slope


@strategy("broken", raw=True)
def broken(model, i, j):
    value = model.model.layers[i].mlp.output[0, -1].clone()
    yield
    raise ValueError(f"no such thing as {value.shape[0]}")


@strategy("twice", raw=True)
def twice(model, i, j):
    model.model.layers[i].mlp.output.sum()
    yield
    model.model.layers[j].mlp.output.sum()
    yield


@strategy("out-of-order", raw=True)
def out_of_order(model, i, j):
    model.model.layers[3].mlp.output.sum()
    model.model.layers[0].mlp.output.sum()
    yield
