"""Whether what a server answered can be what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model

__all__ = ["believe", "believe_banks", "believe_texts"]

Shape = tuple[int, ...]
_TOKENS = ("ids", "said")  # token ids; -1 where there is none


def believe(model: Model, found: Any, wanted: Sequence[Mapping[str, Shape]]) -> None:
    """Hold results to what each of them has to have: named tensors, by their shapes.

    Under a transplant a model may overflow there as it may here; such cells are recorded as not
    finite. Of a prompt by itself (``[n_examples, 1, ...]``) such an answer is nonsense.

    Raises:
        XTransplantError: other names, shapes or kinds of values, ids that are no token's, or a
            prompt's own numbers that no log-probability is.
    """
    url = _counted(model, found, len(wanted))
    for one, shapes in zip(found, wanted, strict=True):
        for name, shape in shapes.items():
            value = one.get(name) if isinstance(one, dict) else None
            if not isinstance(value, Tensor) or tuple(value.shape) != shape:
                raise _other(url, value, name, shape)
            if name in _TOKENS:
                _check_tokens(model, value, name)
                continue
            _check_kind(url, value, name)
            if len(shape) == 3 and shape[1] == 1:
                _check_numbers(url, value, name)


def believe_texts(model: Model, found: Any, n_rows: int, most: int) -> None:
    """Hold generated tokens to how many there can be, ``[n_rows, <= most]``, and what is told of
    each, ``[n_rows, <= most, 2]``; a single row is a prompt by itself.

    Raises:
        XTransplantError: there are others, or numbers as in :func:`believe`.
    """
    url = _counted(model, found, 2)
    value, certainty = found
    shape = tuple(value.shape) if isinstance(value, Tensor) else ()
    if len(shape) != 2 or shape[0] != n_rows or not 0 < shape[1] <= most:
        raise _other(url, value, "texts", (n_rows, most))
    _check_tokens(model, value, "texts")
    if not isinstance(certainty, Tensor) or tuple(certainty.shape) != (*shape, 2):
        raise _other(url, certainty, "probabilities of texts", (*shape, 2))
    _check_kind(url, certainty, "probabilities of texts")
    if n_rows == 1:
        _check_numbers(url, certainty, "probabilities of texts")


def believe_banks(model: Model, found: Any, shapes: Sequence[Shape]) -> None:
    """Hold activations to their shapes.

    Raises:
        XTransplantError: there are others, or numbers that are none.
    """
    url = _counted(model, found, len(shapes))
    for value, shape in zip(found, shapes, strict=True):
        if not isinstance(value, Tensor) or tuple(value.shape) != shape:
            raise _other(url, value, "activations", shape)
        _check_kind(url, value, "activations")
        _check_numbers(url, value, "activations")


def _counted(model: Model, found: Any, count: int) -> str:
    """The server, if it answered with so many results."""
    url = _server(model)
    if not isinstance(found, list) or len(found) != count:
        answered = len(found) if isinstance(found, list) else type(found).__name__
        raise XTransplantError(f"{url} answered with {answered} results where {count} were asked")
    return url


def _server(model: Model) -> str:
    """Who answered, for messages."""
    return model.backend.url or str(model.backend)


def _check_kind(url: str, value: Tensor, name: str) -> None:
    if not value.is_floating_point():
        raise XTransplantError(f"{url} answered with {value.dtype} for {name}; is it NDIF?")


def _check_numbers(url: str, value: Tensor, name: str) -> None:
    # Minus infinity is a probability of nothing, which models with tokens ruled out do give.
    if bool(value.isnan().any()) or bool((value == float("inf")).any()):
        raise XTransplantError(
            f"{url} answered with values of {name} that are not finite; where its precision is too "
            "small for the model, ask for one that is deployed in bfloat16 or float32"
        )


def _check_tokens(model: Model, value: Tensor, name: str) -> None:
    whole = not value.is_floating_point() and not value.is_complex()
    many = max(model.vocab_size, len(model.tokenizer))
    if not whole or bool(((value < -1) | (value >= many)).any()):
        raise XTransplantError(
            f"{_server(model)} answered with {name} that are no tokens of {model.name}; is "
            "another model deployed there under this name?"
        )


def _other(url: str, value: Any, name: str, shape: Shape) -> XTransplantError:
    what = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    return XTransplantError(f"{url} answered with {what} for {name} where {shape} was asked")
