"""What a fitted strategy declares: which activations are captured, and what is made of them.

``@fitted`` decorates a function of :class:`Statistics` that gives named tensors; a strategy that is
made with ``@strategy(name, fit=function)`` is handed them, as its argument ``fit``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from xtransplant.errors import XTransplantError
from xtransplant.sites import SITES, Site
from xtransplant.strategies.identity import is_local
from xtransplant.strategies.named import SOURCE, named_by, source_of
from xtransplant.strategies.typed_options import Option, read_options
from xtransplant.text import text_digest

__all__ = ["DIGEST", "Fitting", "Pooling", "Statistics", "fitted"]

Pooling = Literal["mean", "last", "active", "active, mean"]
"""Of a prompt's tokens, what is captured: their mean, the last one, of each number the share of
them at which it is above 0, or this share and then the mean."""

DIGEST = "value "
"""What stands before the digest of a value that is too long to be kept as it is."""

_MOST_TEXT = 80  # characters of a value

_IN_WORDS: dict[Pooling, str] = {
    "mean": "the mean of all tokens",
    "last": "the last token",
    "active": "the share of tokens above 0",
    "active, mean": "the share of tokens above 0 and the mean of all",
}


class Statistics(Protocol):
    """What a fit is made of: activations of prompts, one vector for each layer and prompt."""

    @property
    def languages(self) -> Sequence[str]:
        """Whose prompts there are."""

    @property
    def target_languages(self) -> Sequence[str]:
        """Those of target prompts, which have a source prompt beside each."""

    @property
    def n_layers(self) -> int:
        """Of the model."""

    def mean(self, lang: str) -> Any:
        """The mean over the distinct prompts of a language, ``[n_layers, width]``, float32.

        Of site ``head`` ``[n_layers, n_heads, head_dim]``; of ``tokens="active, mean"``
        ``[..., 2, width]``.
        """

    def count(self, lang: str) -> int:
        """How many distinct prompts of a language there are."""

    def vectors(self, lang: str, layer: int) -> Any:
        """The vector of each distinct prompt of a language, in one order at all layers.

        Returns:
            ``[n, width]``, float32; only where ``@fitted`` was given ``pairs=True``.
        """

    def pairs(self, lang: str, layer: int) -> tuple[Any, Any]:
        """The vectors of target prompts in a language, and of their source prompts, row by row.

        Returns:
            Two tensors ``[n, width]``, float32; only where ``@fitted`` was given ``pairs=True``.
        """


@dataclass(frozen=True)
class Fitting:
    """A fit's function, and what is captured for it.

    Attributes:
        function: of :class:`Statistics` and its options; gives tensors by name, each
            ``[n_layers, ...]``, or a mapping of these by language.
        site: where activations are read, at every layer that has it.
        tokens: what is captured of each prompt's.
        pairs: the vector of every prompt is kept, and not only sums.
        options: typed keyword arguments of the function, given to ``xtp fit`` with ``-S``.
    """

    function: Callable[..., Mapping[str, Any]]
    site: Site
    tokens: Pooling
    pairs: bool
    options: tuple[Option, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the function's own source and what is captured for it."""
        source = source_of(self.function).decode()
        return text_digest(f"{source}\n{self.site} {self.tokens} {self.pairs}")

    @property
    def uses(self) -> dict[str, str]:
        """What the function names of its file, and of local ones, directly or not.

        By name, what tells it: the digest of a function's source, or the text of a value, that of a
        long one as a digest.
        """
        module, own = self.function.__module__, self.function.__qualname__
        found = named_by(self.function, lambda name: is_local(name, module))
        # Its own defaults are options: the manifest says which values it was given.
        others = {name: text for name, text in found.items() if name.partition("(")[0] != own}
        return {name: _short(text) for name, text in sorted(others.items())}

    def __str__(self) -> str:
        what = "pairs" if self.pairs else "means by language"
        which = _IN_WORDS[self.tokens]
        return f"{what} of {self.site}, {which} of each prompt"


def _short(text: str) -> str:
    """A value's text as a manifest keeps it."""
    long = len(text) > _MOST_TEXT and not text.startswith(SOURCE)
    return DIGEST + text_digest(text) if long else text


def fitted(
    site: Site, *, tokens: Pooling = "mean", pairs: bool = False
) -> Callable[[Callable[..., Mapping[str, Any]]], Fitting]:
    """Make the fit of a strategy of a function ``(stats, *, option: type = default)``.

    Args:
        site: where activations of both prompts of each example are read, at every layer.
        tokens: ``mean`` of all tokens of a prompt, the ``last`` one, ``active``: of each number
            the share of the tokens at which it is above 0, or ``active, mean``: both.
        pairs: keep the vector of every prompt (on the disk), for what sums do not tell, such as
            least squares; else only sums are held.

    Raises:
        XTransplantError: another site or word, or no function that can be called like this.
    """
    if site not in SITES or tokens not in get_args(Pooling):
        raise XTransplantError(
            f"@fitted takes a site ({', '.join(SITES)}) and tokens mean, last, active or "
            f"'active, mean', not {site!r:.40}, tokens={tokens!r:.40}"
        )

    def decorate(function: Callable[..., Mapping[str, Any]]) -> Fitting:
        if not inspect.isfunction(function):
            raise XTransplantError(f"@fitted decorates a function, not {function!r:.60}")
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters:
            raise XTransplantError(
                f"{function.__name__} should take the statistics that it is a fit of, as in "
                f"def {function.__name__}(stats)"
            )
        options = read_options(function, parameters[1:], function.__name__)
        return Fitting(function, site, tokens, pairs, options)

    return decorate
