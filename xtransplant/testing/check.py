"""Check a strategy: what it records, what that touches, and which invariants hold."""

from __future__ import annotations

from dataclasses import dataclass

from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.no_effect import no_effect
from xtransplant.engine.ask.variants import existing_pairs, shape_of
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy
from xtransplant.strategies.formula import in_lines
from xtransplant.strategies.plan import Plan, Prompts, resolve_plan, script_plan
from xtransplant.strategies.registry import as_strategy
from xtransplant.testing.checks import Check, Trial, run_checks
from xtransplant.testing.example import bundled_model, example_for

__all__ = ["Check", "Report", "assert_valid", "check_strategy", "formula", "plan_of", "report_on"]


@dataclass(frozen=True)
class Report:
    """What ``xtp check`` prints.

    Attributes:
        formula: the edits at one layer pair, as their author would write them; none if raw.
        plan: what they touch at that pair.
        checks: none where the strategy needs a fit and has none.
        remark: that one of its layers has no effect; empty if both have.
    """

    strategy: str
    origin: str
    model: str
    formula: tuple[str, ...]
    plan: Plan
    checks: tuple[Check, ...]
    remark: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """Those that do not hold."""
        return tuple(one for one in self.checks if one.status == "failed")


def check_strategy(
    strategy: Strategy | str, model: Model | None = None, example: Example | None = None
) -> tuple[Check, ...]:
    """Try the invariants of a strategy on a real example of a model.

    Args:
        strategy: one, its name, or the path of its file.
        model: a loaded one; the bundled model by default.
        example: two prompts and candidates; the first of a bundled task by default.

    Raises:
        XTransplantError: it cannot be recorded at every layer pair, with file and line, or the
            example's prompts do not suit it.
    """
    return run_checks(_trial(strategy, model, example))


def assert_valid(
    strategy: Strategy | str, model: Model | None = None, example: Example | None = None
) -> None:
    """For a test: fail with every invariant that does not hold.

    Args:
        strategy: as :func:`check_strategy`.
        model: as there.
        example: as there.

    Raises:
        AssertionError: one or more do not hold; the message names each, and why.
        XTransplantError: as :func:`check_strategy`.
    """
    failed = [
        str(one) for one in check_strategy(strategy, model, example) if one.status == "failed"
    ]
    if failed:
        raise AssertionError(f"strategy {strategy}: " + "; ".join(failed))


def formula(strategy: Strategy | str, model: Model | None = None) -> tuple[str, ...]:
    """The edits of a strategy as text, such as ``target.attn[j] = source.attn[i]``.

    Args:
        strategy: as :func:`check_strategy`; it needs no fit for this.
        model: whose layers and sites it may use; the bundled model by default.

    Raises:
        XTransplantError: it records nothing, or is raw.
    """
    chosen = as_strategy(strategy)
    trial = _trial(chosen.printable(), model, None)
    return tuple(map(str, trial.strategy.edits(shape_of(trial.model), *_a_pair(trial.pairs))))


def report_on(
    strategy: Strategy, model: Model, example: Example, *, chat_template: bool = False
) -> Report:
    """Formula, plan and checks of a strategy; without its fit, all but the checks.

    Args:
        strategy: its options bound.
        model: a loaded one.
        example: what it is tried on.
        chat_template: pass both prompts through the checkpoint's chat template.

    Raises:
        XTransplantError: as :func:`check_strategy`.
    """
    printed = strategy.printable()
    trial = Trial(printed, model, example, chat_template)
    pair = _a_pair(trial.pairs)
    edits = () if strategy.raw else printed.edits(shape_of(model), *pair)
    return Report(
        strategy=str(strategy),
        origin=strategy.origin,
        model=model.name,
        formula=tuple(in_lines(edits, model.n_heads)),
        plan=plan_of(strategy, model, example, pair, chat_template=chat_template),
        checks=run_checks(trial) if printed is strategy else (),
        remark=no_effect(model, [printed], trial.pairs),
    )


def plan_of(
    strategy: Strategy,
    model: Model,
    example: Example,
    pair: tuple[int, int] | None = None,
    *,
    chat_template: bool = False,
) -> Plan:
    """Which tokens, layers and steps a strategy touches; nothing is run.

    Args:
        strategy: its options bound.
        model: gives tokens, layers and sites; its weights are not needed.
        example: its two prompts.
        pair: source and target layer; one in the middle by default.
        chat_template: pass both prompts through the checkpoint's chat template.

    Raises:
        XTransplantError: layers or sites that the model has not, or tokens that a prompt has not.
    """
    strategy = strategy.printable()
    if pair is None:
        every = range(model.n_layers)
        there = existing_pairs(model, strategy, [(i, j) for i in every for j in every]).pairs
        pair = _a_pair(there)
    for layer in pair:
        if not 0 <= layer < model.n_layers:
            raise XTransplantError(
                f"--pair {pair[0]}:{pair[1]} is out of range: {model.name} has layers 0 to "
                f"{model.n_layers - 1}"
            )
    prompts = _texts(model, item_of(model, example, chat_template=chat_template))
    if strategy.raw:
        return script_plan(pair, model.n_layers, prompts)
    return resolve_plan(strategy.edits(shape_of(model), *pair), pair, model.n_layers, prompts)


def _trial(strategy: Strategy | str, model: Model | None, example: Example | None) -> Trial:
    chosen = as_strategy(strategy)
    used = bundled_model() if model is None else model
    return Trial(chosen, used, example_for(used) if example is None else example)


def _a_pair(pairs: list[tuple[int, int]]) -> tuple[int, int]:
    """Of some pairs, the one nearest to two thirds of the way up into one third."""
    top = max(max(pair) for pair in pairs)
    return min(pairs, key=lambda pair: abs(3 * pair[0] - 2 * top) + abs(3 * pair[1] - top))


def _texts(model: Model, item: Item) -> Prompts:
    """An example's tokens as text."""
    decode = model.tokenizer.decode
    return Prompts(*([decode([one]) for one in ids] for ids in (item.source, item.target)))
