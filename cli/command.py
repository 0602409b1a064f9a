"""A verb whose flags are the fields of a dataclass, as the function that Typer reads.

Typer makes an option of each parameter of a function. Verbs that share most of their options would
have to repeat them all, so a parameter may be a dataclass of ``xtransplant.bench.flags``: it is
replaced by one parameter for each of its fields, and made again from their values.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo, ParameterInfo

from xtransplant.bench.flags import Flag
from xtransplant.cli.complete import COMPLETIONS
from xtransplant.style.escape import visible
from xtransplant.text import nearest

__all__ = ["command"]


def command(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb, with a parameter for each field of a dataclass that it takes."""
    hints = get_type_hints(verb, include_extras=True)
    parameters = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for parameter in signature(verb).parameters.values():
        hint = hints[parameter.name]
        parameters += _fields(hint) if is_dataclass(hint) else [_parameter(parameter, hint)]

    @wraps(verb)
    def call(context: typer.Context, **values: Any) -> None:
        if not values.get("quiet"):
            _say_environment(context)
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
        made = (_made_option(parameter.name, one) for one in others)
        # What may be repeated would be cut at every space.
        alone = get_origin(kind) is not list
        hint = Annotated[kind, *(_from_environment(one, parameter.name, alone) for one in made)]
    return parameter.replace(annotation=hint, kind=Parameter.KEYWORD_ONLY)


def _made_option(name: str, given: Any) -> Any:
    """An option or argument, with what a shell completes where there are names for it."""
    made = _option(given) if isinstance(given, Flag) else copy(given)
    if isinstance(made, ParameterInfo) and name in COMPLETIONS:
        made.autocompletion = COMPLETIONS[name]
    return made


def _from_environment(made: Any, name: str, alone: bool) -> Any:
    """An option that may stand in the environment, ``--output-path`` as ``XTP_OUTPUT_PATH``."""
    if isinstance(made, OptionInfo) and alone:
        # In an annotation Typer takes its first argument for a name, and calls it the default.
        given = [str(one) for one in (made.default, *(made.param_decls or ()))]
        names = [one.partition("/")[0] for one in given if one.startswith("--")]
        long = (names or [name])[0].strip("-")
        made.envvar, made.show_envvar = "XTP_" + long.replace("-", "_").upper(), False
    return made


def _say_environment(context: typer.Context) -> None:
    """Say which options the environment gives: they are not seen in the command."""
    found = [
        f"{one.envvar}={os.environ.get(str(one.envvar), '')}"
        for one in context.command.params
        if getattr(context.get_parameter_source(one.name or ""), "name", "") == "ENVIRONMENT"
    ]
    lines = [f"from the environment: {', '.join(found)}"] if found else []
    known = set(_in_environment(context.find_root().command))
    lines += [
        f"{name} in the environment is no option and does nothing{nearest(name, known)}"
        for name in sorted(os.environ)
        if name.startswith("XTP_") and known and name not in known
    ]
    for line in lines:
        print(f"xtp: {visible(line)}", file=sys.stderr)


def _in_environment(group: Any) -> Iterator[str]:
    """The variables that options of any verb read: one of another verb is no mistake."""
    for verb in getattr(group, "commands", {}).values():
        yield from (str(one.envvar) for one in verb.params if one.envvar)


def _option(flag: Flag) -> Any:
    return typer.Option(*flag.names, help=flag.help, metavar=flag.metavar, min=flag.minimum)


def _made(kind: Any, name: str, values: Mapping[str, Any]) -> Any:
    """A parameter's value: the dataclass with its fields' values, or what was given."""
    if not is_dataclass(kind):
        return values[name]
    hints = get_type_hints(kind)
    return kind(**{one.name: _made(hints[one.name], one.name, values) for one in fields(kind)})  # type: ignore[operator]
