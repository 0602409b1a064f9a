"""What ``xtp check`` and ``xtp show -m`` are asked: a strategy, a model and an example, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xtransplant.backends.dry import Dry
from xtransplant.backends.local import Local
from xtransplant.bench.config import ModelSpec
from xtransplant.bench.sources import check_sources
from xtransplant.bench.trace_config import find_example
from xtransplant.bench.unused import check_given, check_trace
from xtransplant.errors import XTransplantError
from xtransplant.model.checkpoint import find_checkpoint
from xtransplant.options import parse_assignments, parse_names
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.strategies.describe import refuse_invalid
from xtransplant.strategies.fit_command import FitOn
from xtransplant.tasks.data import parse_data_source
from xtransplant.testing.example import default_task
from xtransplant.testing.flags import WorkFlags

__all__ = ["Work", "parse_pair", "parse_work"]

_PAIR = re.compile(r"(\d{1,9})[:,](\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Work:
    """A strategy to be tried, on what.

    Attributes:
        model_name: of the specification, or the task's own.
        chat_template: pass both prompts through the checkpoint's chat template.
        task: whose example it is; None where the prompts were given.
    """

    strategy: Strategy
    example: Example
    model_name: str
    spec: ModelSpec
    chat_template: bool
    task: str | None = None

    @property
    def loading(self) -> str:
        """What is being done while its model is loaded, for the user."""
        return find_checkpoint(self.model_name, self.spec.gguf_file).loading

    @property
    def fit_on(self) -> FitOn:
        """What a fit that is missing would be made on."""
        return FitOn(self.task or "TASK", model=self.spec.name or "")

    @property
    def without_weights(self) -> Dry | Local:
        """Where its model is known without its weights; a GGUF file is read as a whole."""
        whole = find_checkpoint(self.model_name, self.spec.gguf_file).gguf_file is not None
        return Local() if whole or self.spec.quantization is not None else Dry()


def parse_work(strategy: str, flags: WorkFlags) -> Work:
    """What the flags say; without a model the bundled one, and of others the bundled capitals.

    Raises:
        XTransplantError: a strategy, an example or a model that cannot be used, or a flag that
            would do nothing.
    """
    load, prompt = flags.load, flags.prompt
    check_given(model=flags.model, task=prompt.task, lang=prompt.lang, split=prompt.split)
    chosen = find_strategy(strategy).with_options(parse_assignments(flags.options))
    refuse_invalid(chosen)
    spec = ModelSpec.of(flags.model, load, add_bos=flags.add_bos)
    written = prompt.source is not None or prompt.target is not None
    task = None if written else prompt.task or default_task(spec.name)
    if prompt.sources and not written:
        check_sources(parse_names(prompt.sources), {str(chosen): chosen})
    data = parse_data_source(
        prompt.data.data_dir,
        prompt.data.file,
        prompt.data.column,
        split_by=prompt.data.split_by,
        wide=prompt.data.wide,
    )
    check_trace(spec, task, data, Local(), split=prompt.split, written=written)
    example, name = find_example(prompt, spec, data)
    return Work(chosen, example, name, spec, flags.apply_chat_template, task)


def parse_pair(text: str | None) -> tuple[int, int] | None:
    """``5:2`` or ``5,2`` as a pair of layers.

    Raises:
        XTransplantError: anything else.
    """
    if text is None:
        return None
    found = _PAIR.fullmatch(text)
    if found is None:
        raise XTransplantError(f"--pair {text!r:.60} should be two layers, such as 5:2")
    return int(found[1]), int(found[2])
