"""One logit lens from the flags of ``xtp lens``: what it is of, its model, its figure."""

from __future__ import annotations

from dataclasses import dataclass

from xtransplant.backends.registry import open_backend, parse_on
from xtransplant.bench.config import ModelSpec
from xtransplant.bench.data_source import data_source_of
from xtransplant.bench.lens_flags import LensFlags
from xtransplant.bench.load import load_model
from xtransplant.bench.trace_config import find_example
from xtransplant.errors import XTransplantError
from xtransplant.grid.lens import Lens, lens
from xtransplant.model.checkpoint import find_checkpoint
from xtransplant.model.model import Model as Loaded
from xtransplant.options import parse_assignments, parse_layers
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.strategies.describe import refuse_invalid
from xtransplant.style.paths import PLOT_SUFFIXES, checked_path

__all__ = ["LensPlan", "load_for_lens", "plan_lens", "run_lens"]


@dataclass(frozen=True)
class LensPlan:
    """A lens ready to be run.

    Attributes:
        strategy: with its options.
        pair: as it was given, for the model says how many layers there are.
        example: its two prompts.
        model_name, model: what is loaded, and how.
        chat_template: pass both prompts through it.
    """

    strategy: Strategy
    pair: tuple[str, str]
    example: Example
    model_name: str
    model: ModelSpec
    chat_template: bool

    @property
    def loading(self) -> str:
        """What is being done while its model is loaded, for the user."""
        return find_checkpoint(self.model_name, self.model.gguf_file).loading


def plan_lens(flags: LensFlags) -> LensPlan:
    """What the flags say, before a model is loaded.

    Raises:
        XTransplantError: text that means nothing, an unknown strategy, prompts or data that cannot
            be read, no model, or a figure that cannot be written.
    """
    strategy = find_strategy(flags.strategy).with_options(parse_assignments(flags.options))
    refuse_invalid(strategy)
    strategy.check_fitted()
    layers = flags.pair.split(":")
    if len(layers) != 2 or not all(layers):
        raise XTransplantError(
            f"--pair takes a source and a target layer, as in 12:11, not {flags.pair!r}"
        )
    if flags.plot is not None:
        checked_path(flags.plot, PLOT_SUFFIXES, "--plot")
    spec, given = ModelSpec.of(flags.model, flags.load, add_bos=flags.add_bos), flags.prompt.data
    data = data_source_of(given)
    example, name = find_example(flags.prompt, spec, data)
    return LensPlan(
        strategy, (layers[0], layers[1]), example, name, spec, flags.apply_chat_template
    )


def load_for_lens(plan: LensPlan) -> Loaded:
    """The model of a lens.

    Raises:
        XTransplantError: it cannot be loaded.
    """
    return load_model(plan.model_name, plan.model, open_backend(parse_on("local")))


def run_lens(plan: LensPlan, model: Loaded) -> Lens:
    """The lens.

    Raises:
        XTransplantError: layers that the model has not, or as :func:`lens`.
    """
    i, j = (_layer(text, model.n_layers) for text in plan.pair)
    return lens(model, plan.example, plan.strategy, (i, j), chat_template=plan.chat_template)


def _layer(text: str, n_layers: int) -> int:
    found = parse_layers(text, n_layers, "--pair")
    if len(found) != 1:
        raise XTransplantError(f"--pair takes one layer on either side, not {text!r}")
    return found[0]
