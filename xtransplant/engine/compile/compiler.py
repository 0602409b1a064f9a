"""The compiler of edits: every term gets rows in a bank, every site its reads, calls and writes.

At each site, in the order in which the model computes them, rows are read into the bank, functions
are called, and sums of rows are written back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from xtransplant.engine.compile.calls import OneCall, fixed_rows, group_calls
from xtransplant.engine.compile.functions import check_result
from xtransplant.engine.compile.steps import (
    Call,
    FixedRows,
    Hold,
    SiteRead,
    SiteStep,
    SiteWrite,
    Step,
    Sum,
)
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.packing import Layout, RowLayout
from xtransplant.sites import Site, site_order
from xtransplant.strategies import Applied, Edit, Fixed, Read, Value

__all__ = ["Compiler"]


class _OneWrite(NamedTuple):
    """One token that one variant writes at a site.

    Attributes:
        number: its place among all writes of the layout.
        offset: which token of the edit's span it is.
        columns: where it is written; several where the variant has several batch rows.
    """

    number: int
    variant: int
    value: Value
    offset: int
    columns: tuple[int, ...]
    head: int


@dataclass
class _SiteWork:
    """What happens at one site of one layer, while a program is being compiled."""

    read_rows: list[int] = field(default_factory=list)
    read_places: list[tuple[int, int]] = field(default_factory=list)
    calls: list[OneCall] = field(default_factory=list)
    writes: list[_OneWrite] = field(default_factory=list)


SiteKey = tuple[int, int, Site]  # layer, order within the layer, site


class Compiler:
    """Collects reads, calls and writes per site of one layout, and numbers the rows of the banks.

    Attributes:
        shared: rows of each read of the source, which serve every variant.
        fixed: row and bank of each tensor that is there before the run, likewise.
        own: rows of each other term, by variant.
    """

    def __init__(
        self,
        model: Model,
        source: Layout | RowLayout,
        layout: Layout | RowLayout,
        known: Mapping[Read, list[int]] | None = None,
        sizes: tuple[int, int] = (0, 0),
    ) -> None:
        """Nothing is placed yet.

        Args:
            model: gives module paths and the residual stream's scale.
            source: layout of the source.
            layout: what is compiled for: the source's own, or a target's.
            known: bank rows of reads of the source that are filled already.
            sizes: how many rows of the two banks these take.
        """
        self.model, self.source_layout, self.layout = model, source, layout
        self.sizes, self.shared = list(sizes), dict(known or {})
        self.fixed: dict[tuple[Fixed, int], int] = {}
        self.own: dict[tuple[int, Read | Applied], list[int]] = {}
        self.sites: dict[SiteKey, _SiteWork] = {}
        self.n_writes = 0

    @property
    def bank_sizes(self) -> tuple[int, int]:
        """How many rows the two banks have."""
        return self.sizes[0], self.sizes[1]

    def add_edits(self, variant: int, edits: Sequence[Edit]) -> int:
        """Place one variant's edits; how many tokens they write."""
        before = self.n_writes
        for edit in edits:
            bank = int(edit.site == "head")
            tokens = edit.span.resolve(self.layout.prompt_length, str(edit.place))
            self._check_lengths(edit, len(tokens))
            site = self._site(edit.layer, edit.site)
            self._add_terms(variant, edit.value, site, bank)
            for offset, token in enumerate(tokens):
                columns = self.layout.columns(variant, token, edit.layer)
                site.writes.append(
                    _OneWrite(self.n_writes, variant, edit.value, offset, columns, edit.head or 0)
                )
                self.n_writes += 1
        return self.n_writes - before

    def add_read(self, variant: int, read: Read) -> None:
        """Have a read filled in as the model passes its site: a row of the bank per token."""
        tokens = read.span.resolve(self._prompt_length(read), str(read))
        rows = self._new_rows(variant, read, int(read.site == "head"), len(tokens))
        of_source = read.prompt == "source"
        site = self._site(read.layer, read.site)
        for row, token in zip(rows, tokens, strict=True):
            column = self.layout.columns(None if of_source else variant, token, read.layer)[0]
            site.read_rows.append(row)
            site.read_places.append((column, read.head or 0))

    @property
    def fixed_rows(self) -> list[FixedRows]:
        """What is in each of the two banks before the model runs."""
        return fixed_rows(self.fixed, (self.model.d_model, self.model.head_dim))

    def steps(self) -> list[Step]:
        """All that was added, in the order in which the model computes the sites."""
        placed: list[tuple[int, float, Step]] = []
        for (layer, order, name), site in self.sites.items():
            step = self._step(layer, name, site)
            placed.append((layer, order, step))
            for path, _ in step["plus"]:
                # Side by side with the site's module: run after what the two of them read.
                before = site_order("attn" if name == "ffn" else "resid_pre") + 0.5
                placed.append((layer, before, Hold(kind="hold", layer=layer, path=path)))
        return [step for *_, step in sorted(placed, key=lambda one: one[:2])]

    def _site(self, layer: int, name: Site) -> _SiteWork:
        return self.sites.setdefault((layer, site_order(name), name), _SiteWork())

    def _check_lengths(self, edit: Edit, n_tokens: int) -> None:
        for read, count in self._read_lengths(edit.value):
            if count not in (1, n_tokens):
                raise XTransplantError(
                    f"{edit.place} has {n_tokens} tokens in the target and {read} "
                    f"has {count}: spans must hold equally many, or one token"
                )

    def _read_lengths(self, value: Value) -> list[tuple[Read, int]]:
        return [
            (read, len(read.span.resolve(self._prompt_length(read), str(read))))
            for read in value.reads()
        ]

    def _prompt_length(self, read: Read) -> int:
        layout = self.source_layout if read.prompt == "source" else self.layout
        return layout.prompt_length

    def _add_terms(self, variant: int, value: Value, site: _SiteWork, bank: int) -> None:
        """Give every term of a value its rows in the bank, one per token."""
        for _, term in value.terms:
            if self._known_rows(variant, term, bank) is not None:
                continue
            if isinstance(term, Read):
                self.add_read(variant, term)
                continue
            if isinstance(term, Fixed):
                self.fixed[term, bank] = self.sizes[bank]
                self.sizes[bank] += 1
                continue
            for argument in term.arguments:
                self._add_terms(variant, argument, site, bank)
            count = max([n for a in term.arguments for _, n in self._read_lengths(a)], default=1)
            rows = self._new_rows(variant, term, bank, count)
            site.calls.append(OneCall(term, rows, variant))

    def _known_rows(
        self, variant: int, term: Read | Fixed | Applied, bank: int
    ) -> list[int] | None:
        """The bank rows of a term, if it has them: what is no variant's own serves all of them."""
        if isinstance(term, Fixed):
            return [self.fixed[term, bank]] if (term, bank) in self.fixed else None
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

    def _sum(self, items: Sequence[tuple[int, Value, int]], bank: int) -> Sum:
        """Many values at once, each (variant, value, which of its tokens)."""
        index, row, weight = [], [], []
        for result, (variant, value, offset) in enumerate(items):
            for factor, term in value.terms:
                rows = self._known_rows(variant, term, bank)
                assert rows is not None
                index.append(result)
                row.append(rows[offset if len(rows) > 1 else 0])
                weight.append(factor)
        return Sum(
            n_results=len(items),
            result=torch.tensor(index, dtype=torch.long),
            row=torch.tensor(row, dtype=torch.long),
            weight=torch.tensor(weight)[:, None],
            constant=torch.tensor([value.constant for _, value, _ in items])[:, None],
        )

    def _step(self, layer: int, name: Site, site: _SiteWork) -> SiteStep:
        path = self.model.site(name, layer)
        bank = int(name == "head")
        return SiteStep(
            kind="site",
            layer=layer,
            path=path.path,
            side=path.side,
            scale=path.scale,
            plus=path.plus,
            bank=bank,
            width=self.model.head_dims[layer] if bank else self.model.d_model,
            read=_read(site),
            calls=[self._call(calls, bank) for calls in group_calls(site.calls)],
            write=self._write(site, bank) if site.writes else None,
        )

    def _call(self, calls: Sequence[OneCall], bank: int) -> Call:
        """One call for several variants that call one function with one matrix."""
        applied = calls[0].applied
        arguments = [
            self._sum(
                [
                    (call.variant, call.applied.arguments[number], offset)
                    for call in calls
                    for offset in range(len(call.rows))
                ],
                bank,
            )
            for number in range(len(applied.arguments))
        ]
        # What travels goes as it is: this package is not installed where it arrives.
        plain = self.model.backend.travels or applied.matrices  # these go to functions of ours
        return Call(
            function=applied.function if plain else check_result(applied.function),
            arguments=arguments,
            matrices=[matrix.values for matrix in applied.matrices],
            rows=torch.tensor([row for call in calls for row in call.rows]),
        )

    def _write(self, site: _SiteWork, bank: int) -> SiteWrite:
        cells = [(write, column) for write in site.writes for column in write.columns]
        counts = torch.tensor([len(write.columns) for write in site.writes])
        alone = bool((counts == 1).all())
        return SiteWrite(
            value=self._sum(
                [(write.variant, write.value, write.offset) for write, _ in cells], bank
            ),
            column=torch.tensor([column for _, column in cells]),
            head=torch.tensor([write.head for write, _ in cells]),
            number=torch.tensor([write.number for write in site.writes]),
            first=None if alone else counts.cumsum(0) - counts,
        )


def _read(site: _SiteWork) -> SiteRead | None:
    if not site.read_rows:
        return None
    column, head = torch.tensor(site.read_places).unbind(-1)
    return SiteRead(rows=torch.tensor(site.read_rows), column=column, head=head)
