"""Compile recorded edits into the steps of a pass: indices and coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtransplant.engine.compile.compiler import Compiler
from xtransplant.engine.compile.steps import FixedRows, Step
from xtransplant.model.model import Model
from xtransplant.packing import Layout, RowLayout, StepLayout
from xtransplant.strategies import Edit, Read

__all__ = ["SourceProgram", "TargetProgram", "compile_source", "compile_target"]


@dataclass(frozen=True)
class SourceProgram:
    """What to read of the source, for all variants of a grid at once.

    Attributes:
        steps: in the order the model computes them.
        rows: each read's rows in its bank, one per token.
        sizes: rows of each bank so far; a target's own follow.
    """

    steps: list[Step]
    rows: dict[Read, list[int]]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class TargetProgram:
    """What to read and write in the target, for all variants of a layout.

    Attributes:
        steps: in the order the model computes them.
        sizes: rows of each bank, the source's included.
        write_counts: per variant, how many tokens its edits write.
        fixed: what is in each bank before the model runs.
        means: row of each mean over several sources, which is to be there too.
    """

    steps: list[Step]
    sizes: tuple[int, ...]
    write_counts: tuple[int, ...]
    fixed: list[FixedRows]
    means: dict[Read, int]


def compile_source(
    model: Model, source: Layout | RowLayout, reads: Sequence[Read]
) -> SourceProgram:
    """Place reads of the source into a layout.

    Args:
        model: gives module paths and the residual stream's scale.
        source: the layout.
        reads: none of them of ``resid_mid``.

    Raises:
        XTransplantError: a read of tokens that the prompt has not.
    """
    compiler = Compiler(model, source, source)
    for read in reads:
        compiler.add_source_read(read)
    return SourceProgram(compiler.steps(), compiler.shared, compiler.bank_sizes)


def compile_target(
    model: Model,
    source: Layout | RowLayout,
    known: SourceProgram,
    target: Layout | RowLayout | StepLayout,
    variants: Sequence[Sequence[Edit]],
) -> TargetProgram:
    """Place the edits of every variant into a layout.

    Args:
        model: gives module paths and the residual stream's scale.
        source: layout of the source.
        known: has every read of the source that the edits use.
        target: the layout, or a decoding step's.
        variants: edits of each variant of the layout, none of ``resid_mid``.

    Raises:
        XTransplantError: an edit whose spans of tokens do not match in length.
    """
    compiler = Compiler(model, source, target, known.rows, known.sizes)
    counts = tuple(compiler.add_edits(variant, edits) for variant, edits in enumerate(variants))
    steps, fixed = compiler.steps(), compiler.fixed_rows
    return TargetProgram(steps, compiler.bank_sizes, counts, fixed, compiler.mean_rows)
