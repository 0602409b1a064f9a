"""``@strategy``, which makes a strategy of a function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtransplant.compat.nnsight_sources import forget_source
from xtransplant.errors import XTransplantError
from xtransplant.strategies.acting import acting_options
from xtransplant.strategies.cells import cell_digest
from xtransplant.strategies.definition import Strategy
from xtransplant.strategies.fit import load_fit
from xtransplant.strategies.fitting import Fitting
from xtransplant.strategies.identity import source_digest
from xtransplant.strategies.signature import check_kind, option_parameters
from xtransplant.strategies.typed_options import Option, read_options

__all__ = ["strategy"]


def strategy(
    name: str, *, raw: bool = False, fit: Fitting | None = None
) -> Callable[[Callable[..., Any]], Strategy]:
    """Make a strategy of a function ``(source, target, i, j, *, option: type = default)``.

    Args:
        name: what ``--strategy`` takes.
        raw: the function is a generator function ``(model, i, j, *, option: type = default)``
            with one ``yield``, and runs inside the traces of one variant: before the ``yield`` in
            that of the source, after it in that of the target. ``model`` is nnsight's, and each
            trace holds nothing but its prompt, ``[1, n_tokens, ...]``.
        fit: what is fitted to data before it can be used, a function with ``@fitted``; the
            strategy's function is then ``(source, target, i, j, fit, *, ...)``.

    Raises:
        XTransplantError: no function that can be called like this, a name that is none, an option
            of another type or without a default, or a raw function without a ``yield``.
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise XTransplantError(
            f'a strategy needs a name on one line: @strategy("name"), not {name!r:.60}'
        )

    if fit is not None and (raw or not isinstance(fit, Fitting)):
        raise XTransplantError(
            f"strategy {name}: fit= takes a function with @fitted(site) above it, and a raw "
            "strategy takes none"
        )

    def decorate(function: Callable[..., Any]) -> Strategy:
        check_kind(function, name, raw)
        own = option_parameters(function, name, raw, fitted=fit is not None)
        options = read_options(function, own, name)
        if fit is not None:
            options = (*options, Option("fit", load_fit, None))
        if not raw:
            options = (*options, *acting_options(options))
        # A cell of a notebook has a name like a file's, and is none.
        path = inspect.getsourcefile(function) or inspect.unwrap(function).__code__.co_filename
        in_file = Path(path).is_file()
        module = sys.modules.get(function.__module__) if in_file else None
        doc = inspect.getdoc(function) or (module and inspect.getdoc(module)) or ""
        if in_file:
            digest = source_digest(Path(path), function.__module__)
        else:
            digest = cell_digest(function)
        if raw:
            forget_source(path)
        return Strategy(name, function, options, doc, path, digest, raw=raw, fitting=fit)

    return decorate
