"""The flags of ``xtp check`` and ``xtp show``: texts as a user gives them; ``ask`` parses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Annotated, Any, get_args, get_type_hints

from xtransplant.bench.flags import (
    AddBos,
    ChatTemplate,
    Flag,
    LoadFlags,
    Model,
    Options,
)
from xtransplant.bench.trace_flags import PromptFlags
from xtransplant.errors import XTransplantError

__all__ = ["PlanFlags", "WorkFlags", "refuse_without_model"]


@dataclass(frozen=True)
class WorkFlags:
    """A model and an example that a strategy is tried on."""

    model: Model = None
    options: Options = field(default_factory=list)
    load: LoadFlags = LoadFlags()
    prompt: PromptFlags = field(default_factory=PromptFlags)
    apply_chat_template: ChatTemplate = False
    add_bos: AddBos = False


@dataclass(frozen=True)
class PlanFlags:
    """Of ``xtp show``."""

    pair: Annotated[
        str | None, Flag("With -m: the layer pair, by default one in the middle.", metavar="I:J")
    ] = None
    work: WorkFlags = WorkFlags()


def refuse_without_model(flags: PlanFlags) -> None:
    """Refuse what says nothing of a strategy by itself.

    Raises:
        XTransplantError: such a flag, and no model.
    """
    # What a strategy records depends on its options, with and without a model.
    plain = PlanFlags(work=replace(WorkFlags(), options=flags.work.options))
    for name in _given(flags, plain):
        raise XTransplantError(
            f"{name} says nothing without a model; name one, -m MODEL, or leave it out"
        )


def _given(flags: Any, plain: Any) -> Iterator[str]:
    """Names of the flags that are not as they are by default."""
    hints = get_type_hints(type(flags), include_extras=True)
    for one in fields(flags):
        found, default = getattr(flags, one.name), getattr(plain, one.name)
        if is_dataclass(found):
            yield from _given(found, default)
        elif found != default:
            flag = next(
                (part for part in get_args(hints[one.name]) if isinstance(part, Flag)), None
            )
            names = flag.names if flag is not None else ()
            yield names[0] if names else "--" + one.name.replace("_", "-")
