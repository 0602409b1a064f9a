"""From the flags of ``xtp fit`` to what is fitted, on what, and where it is written."""

from __future__ import annotations

from xtransplant.backends.registry import parse_on
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.data_source import data_source_of
from xtransplant.bench.fit_flags import FitFlags
from xtransplant.bench.unused import check_data, check_given
from xtransplant.errors import XTransplantError
from xtransplant.options import parse_assignments, parse_names

__all__ = ["parse_fit"]


def parse_fit(strategy: str, flags: FitFlags) -> tuple[Config, RunContext]:
    """What is fitted, and where and how.

    Raises:
        XTransplantError: text that means nothing, a folder or file that is not there, a flag that
            would do nothing, or a place where nothing is captured.
    """
    data, load = flags.data, flags.load
    check_given(
        strategy=strategy, task=flags.task, model=flags.model, revision=load.revision,
        device_map=load.device_map, family=load.family, gguf_file=load.gguf_file,
        quantization=load.quantization, langs=flags.langs, split=flags.split,
        split_by=data.split_by,
    )  # fmt: skip
    backend = parse_on(flags.on, insecure=flags.insecure)
    if backend.is_dry or backend.has_workers:
        raise XTransplantError(f"--on {flags.on}: a fit is made with --on local or --on ndif")
    source = data_source_of(data, flags.seed)
    tasks = parse_names(flags.task)
    check_data(tasks, source, flags.split, flags.seed)
    config = Config(
        tasks=tasks,
        strategies=(strategy,),
        model=ModelSpec.of(flags.model, load, add_bos=flags.add_bos),
        langs=parse_names(flags.langs),
        options=tuple(parse_assignments(flags.options).items()),
        direction=flags.direction,
        mode="generate",  # nothing is scored, so that examples need no candidates
        split=flags.split,
        limit=flags.limit,
        data=source,
        chat_template=flags.apply_chat_template,
        allow_misaligned=flags.allow_misaligned,
    )
    return config, RunContext(output_path=flags.output_path, backend=backend)
