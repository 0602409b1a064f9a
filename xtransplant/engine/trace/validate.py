"""Validate what another process answered: names, shapes, kinds and ranges of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model

__all__ = ["validate_activations", "validate_outputs", "validate_texts"]

Sizes = tuple[int, ...]
_TOKENS = ("ids", "new_ids")  # token ids; -1 where there is none


def validate_outputs(model: Model, found: Any, wanted: Sequence[Mapping[str, Sizes]]) -> None:
    """Check that each result has the named tensors that were asked for, by their shapes.

    Under a transplant a model may overflow there as it may here; such cells are recorded as not
    finite. Of a prompt without one (``[n_examples, 1, ...]``) such an answer is refused.

    Args:
        model: its backend answered.
        found: the answer.
        wanted: per result, the shape of each named tensor.

    Raises:
        XTransplantError: other names, shapes or kinds of values, ids outside the vocabulary, or
            NaN or infinity among the log-probabilities of a prompt without a transplant.
    """
    url = _check_count(model, found, len(wanted))
    for one, shapes in zip(found, wanted, strict=True):
        for name, shape in shapes.items():
            answered = one.get(name) if isinstance(one, dict) else None
            value = _check_shape(url, answered, name, shape)
            if name in _TOKENS:
                _check_tokens(model, value, name)
                continue
            _check_kind(url, value, name)
            if len(shape) == 3 and shape[1] == 1:
                _check_numbers(url, value, name)


def validate_texts(model: Model, found: Any, n_rows: int, most: int, n_writes: int) -> None:
    """Check generated tokens, their log-probabilities and the measures of what was written.

    Args:
        model: its backend answered.
        found: the answer: one result with ``ids`` ``[n_rows, n_new]``, ``certainty``
            ``[n_rows, n_new, 2]`` and ``writes`` ``[1, 3, n_writes]``.
        n_rows: how many prompts were continued; a single one is a prompt without a transplant.
        most: how many tokens there may be.
        n_writes: how many vectors were written.

    Raises:
        XTransplantError: there are others, or numbers as in :func:`validate_outputs`.
    """
    url = _check_count(model, found, 1)
    one = found[0] if isinstance(found[0], dict) else {}
    ids = one.get("ids")
    shape = tuple(ids.shape) if isinstance(ids, Tensor) else ()
    if ids is None or len(shape) != 2 or shape[0] != n_rows or not 0 < shape[1] <= most:
        raise _other(url, ids, "texts", (n_rows, most))
    _check_tokens(model, ids, "texts")
    named = "probabilities of texts"
    certainty = _check_shape(url, one.get("certainty"), named, (*shape, 2))
    _check_kind(url, certainty, named)
    if n_rows == 1:
        _check_numbers(url, certainty, named)
    writes = _check_shape(url, one.get("writes"), "writes", (1, 3, n_writes))
    _check_kind(url, writes, "writes")


def validate_activations(model: Model, found: Any, shapes: Sequence[Sizes]) -> None:
    """Check activations of a prompt without a transplant.

    Args:
        model: its backend answered.
        found: the answer.
        shapes: of its tensors.

    Raises:
        XTransplantError: other shapes or kinds of values, or NaN or infinity among them.
    """
    url = _check_count(model, found, len(shapes))
    for value, shape in zip(found, shapes, strict=True):
        _check_shape(url, value, "activations", shape)
        _check_kind(url, value, "activations")
        _check_numbers(url, value, "activations")


def _check_count(model: Model, found: Any, count: int) -> str:
    """Who answered, if with so many results."""
    url = _answerer(model)
    if not isinstance(found, list) or len(found) != count:
        answered = len(found) if isinstance(found, list) else type(found).__name__
        raise XTransplantError(f"{url} answered with {answered} results where {count} were asked")
    return url


def _answerer(model: Model) -> str:
    """Who answered, for messages."""
    return model.backend.url or str(model.backend)


def _check_shape(url: str, value: Any, name: str, shape: Sizes) -> Tensor:
    if not isinstance(value, Tensor) or tuple(value.shape) != shape:
        raise _other(url, value, name, shape)
    return value


def _check_kind(url: str, value: Tensor, name: str) -> None:
    if not value.is_floating_point():
        raise XTransplantError(f"{url} answered with {value.dtype} for {name}; is it NDIF?")


def _check_numbers(url: str, value: Tensor, name: str) -> None:
    # Minus infinity is the log-probability of a token that the model rules out.
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
            f"{_answerer(model)} answered with {name} that are no tokens of {model.name}; is "
            "another model deployed there under this name?"
        )


def _other(url: str, value: Any, name: str, shape: Sizes) -> XTransplantError:
    what = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    return XTransplantError(f"{url} answered with {what} for {name} where {shape} was asked")
