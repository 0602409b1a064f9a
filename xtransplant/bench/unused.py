"""Options that would do nothing are refused, with what to do instead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xtransplant.backends.protocol import Backend
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.errors import XTransplantError
from xtransplant.model.checkpoint import check_gguf, find_checkpoint
from xtransplant.model.failures import wrong_path
from xtransplant.model.quantization import check_quantization
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.task import Task, find_task

__all__ = ["check_bench", "check_data", "check_given", "check_trace"]


def check_given(**values: str | Sequence[str] | None) -> None:
    """Refuse a text that is given and empty.

    Args:
        values: by the names of flags, with underscores; None for one that is not given.

    Raises:
        XTransplantError: an empty one, which would be taken for one that is not given.
    """
    for name, value in values.items():
        texts = [value] if isinstance(value, str) else value or ()
        # One flag may hold several names, between commas; none of them may be missing.
        parts = texts if isinstance(value, str) else [p for t in texts for p in str(t).split(",")]
        if any(not str(part).strip() for part in parts):
            shown = ",".join(map(str, texts))
            empty = "is empty" if not shown.strip() else f"{shown!r} has an empty name in it"
            raise XTransplantError(
                f"--{name.replace('_', '-')} {empty}; give a value, or leave it out"
            )


def check_data(tasks: Sequence[str], data: DataSource, split: str | None, seed: int | None) -> None:
    """Refuse flags about the data of tasks that none of the tasks reads.

    Args:
        tasks: their names.
        data: where the examples come from.
        split: the one asked for; None for the task's first.
        seed: None where it is not given.

    Raises:
        XTransplantError: a flag that none of them reads, or an unknown task.
    """
    found = [find_task(name) for name in tasks]
    if not found:
        return  # refused where tasks are loaded
    given = {
        "data_dir": data.data_dir, "file": data.file, "split_by": data.split_by,
        "wide": ",".join(data.wide) or None,
        "column": ", ".join(f"{what}={name}" for what, name in data.columns) or None,
        "seed": seed,
    }  # fmt: skip
    for flag, value in given.items():
        if value is not None and not any(_reads(task, flag, data, split) for task in found):
            named = " and ".join(task.name for task in found)
            raise XTransplantError(
                f"--{flag.replace('_', '-')} {value} does nothing for {named}; {_HINTS[flag]}"
            )


_HINTS = {
    "data_dir": "leave it out",
    "file": "it holds the examples of --task file",
    "column": "it names columns of --task file --file FILE",
    "split_by": "it names a column of --task file --file FILE",
    "wide": "it names columns of --task file --file FILE",
    "seed": "nothing is drawn there (of a file only with --split pilot or unseen); leave it out",
}


def _reads(task: Task, flag: str, data: DataSource, split: str | None) -> bool:
    if flag not in task.reads:
        return False
    if flag == "seed" and "split_by" in task.reads:
        # Such data are cut only where a side of the draw is asked for.
        return data.split_by is None and split in ("pilot", "unseen")
    return True


def _check_model(spec: ModelSpec, tasks: Sequence[str], backend: Backend) -> None:
    """Refuse flags about loading a model that cannot act on it.

    Raises:
        XTransplantError: a revision of a folder, or a layout of devices that a server decides.
    """
    own = (find_task(task).checkpoint for task in tasks)
    name = spec.name or next((checkpoint for checkpoint in own if checkpoint), None)
    if spec.revision is not None and name is not None and Path(name).exists():
        what = "folder" if Path(name).is_dir() else "file"
        raise XTransplantError(
            f"--revision {spec.revision}: {name} is a {what}, and only repositories of the hub "
            "have revisions; leave it out"
        )
    if spec.gguf_file is not None and spec.name is None:
        raise XTransplantError(
            f"--gguf-file {spec.gguf_file} is a file of a model: name its repository or folder, "
            "--model REPOSITORY|FOLDER"
        )
    if name is not None:
        checkpoint, split = find_checkpoint(name, spec.gguf_file), spec.tensor_parallel
        check_gguf(checkpoint, backend, tensor_parallel=split)
        check_quantization(spec.quantization, checkpoint, backend, tensor_parallel=split)
        # Looked for before torch is imported, which takes seconds.
        why = wrong_path(name) if backend.in_process and checkpoint.gguf_file is None else ""
        if why:
            raise XTransplantError(f"model {name[:200]!r} {why}")
    if backend.hosts_models and (spec.device_map is not None or spec.tensor_parallel):
        flag = "--tensor-parallel" if spec.tensor_parallel else f"--device-map {spec.device_map}"
        raise XTransplantError(
            f"{flag} does nothing with --on {backend}: a server decides where its model lies; "
            "leave it out"
        )


def check_bench(
    config: Config,
    backend: Backend,
    *,
    shard: tuple[int, int] | None = None,
    dry: bool = False,
    as_json: bool = False,
) -> None:
    """Refuse flags about where and how a bench runs that cannot act there.

    Raises:
        XTransplantError: one that cannot.
    """
    _check_model(config.model, config.tasks, backend)
    if "noise" in config.nulls and backend.travels and not backend.is_dry:
        raise XTransplantError(
            f"--null noise does not run with --on {backend}: each example has variants of its own; "
            "take --null other,self there, or --on local"
        )
    if config.batch_size is not None and config.mode == "generate":
        raise XTransplantError(
            f"--batch-size {config.batch_size} is of scores; texts are generated one example at a "
            "time, its variants as memory holds (--memory-budget); leave it out"
        )
    if dry or backend.is_dry:
        for flag, given in (("--shard", shard is not None), ("--json", as_json)):
            if given:
                raise XTransplantError(
                    f"{flag} does nothing in a dry run, which says in lines what the whole "
                    "would cost; leave it out"
                )


def check_trace(
    spec: ModelSpec,
    task: str | None,
    data: DataSource,
    backend: Backend,
    *,
    split: str | None,
    written: bool,
    only_run: Sequence[str] = (),
) -> None:
    """Refuse flags of a single grid that cannot act.

    Args:
        spec: which checkpoint, and how it is loaded.
        task: None where none is given.
        data: where the examples come from.
        backend: where its traces run.
        split: the one asked for; None for the task's first.
        written: whether the user's own prompts stand for a task's.
        only_run: flags that are given and do something only with a grid that is run.

    Raises:
        XTransplantError: one that cannot.
    """
    if written:
        given = {
            "data-dir": data.data_dir, "file": data.file, "split-by": data.split_by,
            "wide": ",".join(data.wide) or None,
            "column": next((f"{what}={name}" for what, name in data.columns), None),
        }  # fmt: skip
        for flag, value in given.items():
            if value is not None:
                raise XTransplantError(
                    f"--{flag} {value} is about a task's data, but --source and --target are "
                    "given; leave one or the other out"
                )
    tasks = [] if written else ["babel" if task is None else task]
    check_data(tasks, data, split, None)
    _check_model(spec, tasks, backend)
    if backend.is_dry and only_run:
        raise XTransplantError(
            f"{only_run[0]} does nothing with --on dry, which runs no grid; leave it out"
        )
