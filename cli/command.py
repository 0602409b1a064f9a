"""A verb whose flags are the fields of a dataclass, as the function that Typer reads.

Typer makes an option of each parameter of a function. Verbs that share most of their options would
have to repeat them all, so a parameter may be a dataclass of ``xtransplant.bench.flags``: it is
replaced by one parameter for each of its fields, and made again from their values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

from xtransplant.bench.flags import Flag
from xtransplant.cli.complete import COMPLETIONS

__all__ = ["command"]


def command(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb, with a parameter for each field of a dataclass that it takes."""
    hints = get_type_hints(verb, include_extras=True)
    parameters: list[Parameter] = []
    for parameter in signature(verb).parameters.values():
        hint = hints[parameter.name]
        parameters += _fields(hint) if is_dataclass(hint) else [_parameter(parameter, hint)]

    @wraps(verb)
    def call(**values: Any) -> None:
        verb(**{name: _made(hints[name], name, values) for name in signature(verb).parameters})

    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return call


def _fields(kind: Any) -> Iterator[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        hint = hints[one.name]
        if is_dataclass(hint):
            yield from _fields(hint)
        else:
            parameter = Parameter(one.name, Parameter.KEYWORD_ONLY, default=_default(one))
            yield _parameter(parameter, hint)


def _default(one: Field[Any]) -> Any:
    if one.default_factory is not MISSING:
        return one.default_factory()
    return Parameter.empty if one.default is MISSING else one.default


def _parameter(parameter: Parameter, hint: Any) -> Parameter:
    """The same with Typer's option in the place of a flag, and what a shell completes."""
    if get_origin(hint) is Annotated:
        kind, *others = get_args(hint)
        hint = Annotated[kind, *(_completed(parameter.name, one) for one in others)]
    return parameter.replace(annotation=hint, kind=Parameter.KEYWORD_ONLY)


def _completed(name: str, given: Any) -> Any:
    """An option or argument, with what a shell completes where there are names for it."""
    made = _option(given) if isinstance(given, Flag) else copy(given)
    if isinstance(made, ParameterInfo) and name in COMPLETIONS:
        made.autocompletion = COMPLETIONS[name]
    return made


def _option(flag: Flag) -> Any:
    return typer.Option(*flag.names, help=flag.help, metavar=flag.metavar, min=flag.minimum)


def _made(kind: Any, name: str, values: Mapping[str, Any]) -> Any:
    """A parameter's value: the dataclass with its fields' values, or what was given."""
    if not is_dataclass(kind):
        return values[name]
    hints = get_type_hints(kind)
    return kind(**{one.name: _made(hints[one.name], one.name, values) for one in fields(kind)})  # type: ignore[operator]
