"""What a bench computes: all that its numbers depend on, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from xtransplant.bench.flags import LoadFlags, Only
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.task import Direction, bundled_checkpoint

__all__ = ["Config", "ModelSpec"]


@dataclass(frozen=True)
class ModelSpec:
    """How to load the model; see :func:`xtransplant.load`.

    Attributes:
        name: hub repository, folder or ``.gguf`` file; None for the task's own.
    """

    name: str | None = None
    revision: str | None = None
    dtype: str = "auto"
    device_map: str | None = None
    trust_remote_code: bool = False
    family: str | None = None
    tensor_parallel: bool = False
    add_bos: bool = False
    gguf_file: str | None = None
    quantization: str | None = None

    @classmethod
    def of(cls, name: str | None, flags: LoadFlags, *, add_bos: bool) -> ModelSpec:
        """As the flags of a command say; a model that comes with a task goes by its name."""
        found = None if name is None else bundled_checkpoint(name)
        return cls(found or name, **asdict(flags), add_bos=add_bos)


@dataclass(frozen=True)
class Config:
    """A bench.

    Attributes:
        tasks, strategies: by name; a strategy's options are in ``options``.
        langs: codes; empty for all that the tasks have.
        pairs: see :func:`xtransplant.bench.pairs.parse_pairs`.
        source_layers, target_layers: of these pairs, those that read and write there; as text.
        options: ``-S``: by name, for every strategy that has it.
        mode: ``score`` or ``generate``; the task's own if None.
        limit: the first so many examples of each language.
        only: of which examples the grids are run: all, the ``gap`` (the source is answered and the
            target is not) or the ``shared`` (both are), by ``match``.
        sources: codes of further languages whose prompts are sources too; see
            :func:`xtransplant.tasks.sources.with_sources`.
        baselines: prompts that are run beside the strategies and move no activation; see
            :func:`xtransplant.tasks.baselines.parse_baselines`.
        nulls: null grids of every strategy, by name; see ``tasks.nulls``.
        data: where the tasks' data lie, and the seed of the pilot sample.
        memory_budget: bytes beyond the model; a quarter of the device's memory if None.
        batch_size: at most so many examples are scored at once; None for what memory holds.
        exact_scores: the log-likelihood of every candidate; else bounds of some that cannot be
            chosen.
    """

    tasks: tuple[str, ...]
    strategies: tuple[str, ...]
    model: ModelSpec = ModelSpec()
    langs: tuple[str, ...] = ()
    pairs: str = "overall"
    source_layers: str = "all"
    target_layers: str = "all"
    options: tuple[tuple[str, str], ...] = ()
    direction: Direction | None = None
    mode: Literal["score", "generate"] | None = None
    split: str | None = None
    limit: int | None = None
    only: Only = "all"
    data: DataSource = DataSource()
    max_new_tokens: int = 20
    chat_template: bool = False
    allow_misaligned: bool = False
    log_samples: bool = True
    memory_budget: int | None = None
    batch_size: int | None = None
    exact_scores: bool = False
    baselines: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For the manifest: plain types, paths as text."""
        # Manifests on disk call the data's place "where".
        document = {"where" if name == "data" else name: v for name, v in asdict(self).items()}
        where = document["where"]
        for name in ("data_dir", "file"):
            where[name] = None if where[name] is None else str(where[name])
        return document
