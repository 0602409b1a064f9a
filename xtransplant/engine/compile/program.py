"""Compile recorded edits into plain data that a trace can play: indices and coefficients.

Every value that an edit needs gets a row in a *bank*: reads of the source, reads of the target,
results of the user's functions. There are two banks, ``[n_examples, n, d_model]`` and
``[n_examples, n, head_dim]`` (for site ``head``). A program is a list of steps in the order in
which the model computes its sites; at each, rows are read into the bank, functions are applied, and
sums of rows are written back.
What leaves this file holds tensors, tuples, strings and the user's own functions, nothing of this
package, so that a trace can carry it to a machine where this package is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import torch
from torch import Tensor

from xtransplant.engine.compile.functions import watched
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.packing import Layout, RowLayout
from xtransplant.sites import Site, site_order
from xtransplant.strategies import Applied, Edit, Read, Value

__all__ = [
    "SourceProgram",
    "Step",
    "compile_source",
    "compile_target",
]

Sum = tuple[int, Tensor, Tensor, Tensor, Tensor]
"""A linear combination of bank rows: (n results, result index, bank row, weight, constant)."""

Step = tuple[Any, ...]
"""(layer, "site", module path, side, scale, bank, width, read, applications, write); or a
"join", see :mod:`xtransplant.engine.compile.passes`. What each holds is told in :func:`player`."""


@dataclass(frozen=True)
class SourceProgram:
    """What to read of the source, for all variants of a grid at once.

    Attributes:
        steps: in the order the model computes them.
        rows: each read's rows in its bank, one per token.
        sizes: rows of the two banks so far; a target's own follow.
    """

    steps: list[Step]
    rows: dict[Read, list[int]]
    sizes: tuple[int, int]


@dataclass
class _Site:
    """What happens at one site of one layer while a program is being compiled."""

    read_rows: list[int] = dataclass_field(default_factory=list)
    read_places: list[tuple[int, int]] = dataclass_field(default_factory=list)
    applied: list[tuple[Callable[..., Any], list[list[Value]], list[int], int]] = dataclass_field(
        default_factory=list
    )
    written: list[tuple[Value, int, int, tuple[int, ...], int]] = dataclass_field(
        default_factory=list
    )


Key = tuple[int, int, Site]  # layer, order within the layer, site


def compile_source(
    model: Model, source: Layout | RowLayout, reads: Sequence[Read]
) -> SourceProgram:
    """Place reads of the source, none of them of ``resid_mid``."""
    compiler = _Compiler(model, source, SourceProgram([], {}, (0, 0)))
    for read in reads:
        compiler.read(0, read)
    return SourceProgram(compiler.steps(compiler.source), compiler.shared, compiler.bank_sizes)


def compile_target(
    model: Model,
    source: Layout | RowLayout,
    known: SourceProgram,
    target: Layout | RowLayout,
    variants: Sequence[Sequence[Edit]],
) -> tuple[list[Step], tuple[int, int]]:
    """Place the edits of every variant into a layout: steps, and the sizes of the banks.

    Args:
        model: gives module paths and the residual stream's scale.
        source: layout of the source.
        known: has every read of the source that the edits use.
        variants: edits of each variant of the layout, none of ``resid_mid``.

    Raises:
        XTransplantError: an edit whose spans of tokens do not match in length.
    """
    compiler = _Compiler(model, source, known)
    return compiler.target_steps(target, variants), compiler.bank_sizes


class _Compiler:
    """Collects reads, functions and writes per site, and numbers the rows of the banks."""

    def __init__(self, model: Model, source: Layout | RowLayout, known: SourceProgram) -> None:
        self.model, self.source_layout = model, source
        self.sizes = list(known.sizes)
        self.source: dict[Key, _Site] = {}
        self.shared = dict(known.rows)

    @property
    def bank_sizes(self) -> tuple[int, int]:
        return self.sizes[0], self.sizes[1]

    def target_steps(
        self, layout: Layout | RowLayout, variants: Sequence[Sequence[Edit]]
    ) -> list[Step]:
        self.layout = layout
        self.target: dict[Key, _Site] = {}
        self.own: dict[tuple[int, Read | Applied], list[int]] = {}
        for variant, edits in enumerate(variants):
            self._add(variant, edits)
        return self.steps(self.target)

    def _add(self, variant: int, edits: Sequence[Edit]) -> None:
        for edit in edits:
            bank = int(edit.site == "head")
            tokens = edit.span.resolve(self.layout.prompt_length, str(edit.place))
            here = self.target.setdefault(_key(edit.layer, edit.site), _Site())
            for value_part, count in self._parts(edit.value):
                if count not in (1, len(tokens)):
                    raise XTransplantError(
                        f"{edit.place} has {len(tokens)} tokens in the target and {value_part} "
                        f"has {count}: spans must hold equally many, or one token"
                    )
            self._rows(variant, edit.value, here, bank)
            for offset, token in enumerate(tokens):
                columns = self.layout.columns(variant, token, edit.layer)
                here.written.append((edit.value, variant, offset, columns, edit.head or 0))

    def _parts(self, value: Value) -> list[tuple[Read, int]]:
        return [
            (read, len(read.span.resolve(self._length(read), str(read)))) for read in value.reads()
        ]

    def _length(self, read: Read) -> int:
        layout = self.source_layout if read.prompt == "source" else self.layout
        return layout.prompt_length

    def _rows(self, variant: int, value: Value, here: _Site, bank: int) -> None:
        """Give every term of a value its rows in the bank, one per token."""
        for _, term in value.terms:
            if self._known(variant, term) is not None:
                continue
            if isinstance(term, Applied):
                for argument in term.arguments:
                    self._rows(variant, argument, here, bank)
                count = max([n for a in term.arguments for _, n in self._parts(a)], default=1)
                rows = self._new_rows(variant, term, bank, count)
                arguments = [[argument] * count for argument in term.arguments]
                here.applied.append((term.function, arguments, rows, variant))
                continue
            self.read(variant, term)

    def read(self, variant: int, read: Read) -> list[int]:
        """Have a read filled in as the model passes its site; its bank rows, one per token."""
        tokens = read.span.resolve(self._length(read), str(read))
        rows = self._new_rows(variant, read, int(read.site == "head"), len(tokens))
        of_source = read.prompt == "source"
        sites, layout = (
            (self.source, self.source_layout) if of_source else (self.target, self.layout)
        )
        site = sites.setdefault(_key(read.layer, read.site), _Site())
        for row, token in zip(rows, tokens, strict=True):
            column = layout.columns(None if of_source else variant, token, read.layer)[0]
            site.read_rows.append(row)
            site.read_places.append((column, read.head or 0))
        return rows

    def _known(self, variant: int, term: Read | Applied) -> list[int] | None:
        """The bank rows of a term, if it has them: reads of the source serve every variant."""
        if isinstance(term, Read) and term.prompt == "source":
            return self.shared.get(term)
        return self.own.get((variant, term))

    def _new_rows(self, variant: int, term: Read | Applied, bank: int, count: int) -> list[int]:
        rows = list(range(self.sizes[bank], self.sizes[bank] + count))
        self.sizes[bank] += count
        if isinstance(term, Read) and term.prompt == "source":
            self.shared[term] = rows
        else:
            self.own[variant, term] = rows
        return rows

    def _sum(self, items: Sequence[tuple[int, Value, int]]) -> Sum:
        """Many values at once, each (variant, value, which of its tokens)."""
        index, row, weight = [], [], []
        for result, (variant, value, offset) in enumerate(items):
            for factor, term in value.terms:
                rows = self._known(variant, term)
                assert rows is not None
                index.append(result)
                row.append(rows[offset if len(rows) > 1 else 0])
                weight.append(factor)
        constants = [value.constant for _, value, _ in items]
        return (
            len(items),
            torch.tensor(index, dtype=torch.long),
            torch.tensor(row, dtype=torch.long),
            torch.tensor(weight)[:, None],
            torch.tensor(constants)[:, None],
        )

    def steps(self, sites: dict[Key, _Site]) -> list[Step]:
        steps: list[Step] = []
        for (layer, _, name), site in sorted(sites.items()):
            path = self.model.site(name, layer)
            bank = int(name == "head")
            width = self.model.head_dim if bank else self.model.d_model
            read = write = None
            if site.read_rows:
                read = (torch.tensor(site.read_rows), torch.tensor(site.read_places).unbind(-1))
            applied = []
            for function, arguments, rows, variant in site.applied:
                sums = [
                    self._sum([(variant, value, offset) for offset, value in enumerate(values)])
                    for values in arguments
                ]
                # What travels goes as it is: this package is not installed where it arrives.
                called = function if self.model.backend.travels else watched(function)
                applied.append((called, sums, torch.tensor(rows)))
            if site.written:
                cells = [
                    (variant, value, offset, (column, head))
                    for value, variant, offset, columns, head in site.written
                    for column in columns
                ]
                total = self._sum([cell[:3] for cell in cells])
                write = (total, torch.tensor([cell[3] for cell in cells]).unbind(-1))
            place = (path.path, path.side, path.scale)
            steps.append((layer, "site", *place, bank, width, read, applied, write))
        return steps


def _key(layer: int, site: Site) -> Key:
    return layer, site_order(site), site
