"""The compiler of edits: every term gets rows in a bank, every site its reads, calls and writes.

At each site, in the order in which the model computes them, rows are read into the bank, functions
are called, and sums of rows are written back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from xtransplant.engine.compile.calls import fixed_rows, group_calls
from xtransplant.engine.compile.functions import check_result
from xtransplant.engine.compile.site_work import At, OneCall, OneWrite, SiteWork, part_of
from xtransplant.engine.compile.steps import Call, FixedRows, Hold, SiteStep, SiteWrite, Step, Sum
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.packing import Layout, RowLayout, StepLayout
from xtransplant.sites import WIDTHS, Site, bank_of, site_order
from xtransplant.strategies import Applied, Edit, Fixed, Read, Value
from xtransplant.strategies.places import MEAN

__all__ = ["Compiler"]

SiteKey = tuple[int, int, Site]  # layer, order within the layer, site


class Compiler:
    """Collects reads, calls and writes per site of one layout, and numbers the rows of the banks.

    Attributes:
        shared: rows of each read of the source, which serve every variant.
        fixed: row and bank of each tensor that is there before the run, likewise, and of each mean
            over several sources, which is read before it.
        own: rows of each other term, by variant, token and width, and the bank they are in.
    """

    def __init__(
        self,
        model: Model,
        source: Layout | RowLayout,
        layout: Layout | RowLayout | StepLayout,
        known: Mapping[Read, list[int]] | None = None,
        sizes: tuple[int, ...] = (0,) * len(WIDTHS),
    ) -> None:
        """Nothing is placed yet.

        Args:
            model: gives module paths and the residual stream's scale.
            source: layout of the source.
            layout: what is compiled for: the source's own, a target's, or a decoding step's.
            known: bank rows of reads of the source that are filled already.
            sizes: how many rows of each bank these take.
        """
        self.model, self.source_layout, self.layout = model, source, layout
        self.sizes, self.shared = list(sizes), dict(known or {})
        self.fixed: dict[tuple[Fixed | Read, int], int] = {}
        self.own: dict[tuple[At, Read | Applied, int], list[int]] = {}
        self.sites: dict[SiteKey, SiteWork] = {}
        self.n_writes = 0

    @property
    def bank_sizes(self) -> tuple[int, ...]:
        """How many rows each bank has."""
        return tuple(self.sizes)

    def add_edits(self, variant: int, edits: Sequence[Edit]) -> int:
        """Place one variant's edits; how many tokens of the prompt they write."""
        first, placed = self.n_writes, []
        for edit in edits:
            tokens = self._prompt_tokens(edit)
            placed.append((edit.layer, site_order(edit.site), self.n_writes, tokens, edit))
            self.n_writes += len(tokens)
        # As the model computes the sites, not as they were listed: what a function makes of its
        # arguments is to be there at the first site that it is written at.
        for *_, number, tokens, edit in sorted(placed, key=lambda one: one[:2]):
            at = At(variant, width=self.model.width(edit.site, edit.layer))
            if tokens:
                self._add_prompt_write(at, edit, number, tokens)
            if later := edit.when.later:
                for token in self.layout.later_tokens(variant, later.start, later.stop):
                    self._add_later_write(at._replace(token=token), edit)
        return self.n_writes - first

    def _prompt_tokens(self, edit: Edit) -> range:
        """The tokens of the prompt that an edit writes."""
        if not edit.when.prefill or isinstance(self.layout, StepLayout):
            return range(0)
        return edit.span.resolve(self.layout.prompt_length, str(edit.place))

    def _add_prompt_write(self, at: At, edit: Edit, number: int, tokens: range) -> None:
        """Place an edit at tokens of the prompt; ``number`` is its first's."""
        assert not isinstance(self.layout, StepLayout)
        self._check_lengths(edit, len(tokens))
        self._add_terms(at, edit.value, self._site(edit.layer, edit.site), bank_of(edit.site))
        for offset, token in enumerate(tokens):
            columns = self.layout.columns(at.variant, token, edit.layer)
            self._add_write(at, edit, offset, columns, number + offset)

    def _add_later_write(self, at: At, edit: Edit) -> None:
        """Place an edit at one token after the prompt."""
        assert at.token is not None
        self._add_terms(at, edit.value, self._site(edit.layer, edit.site), bank_of(edit.site))
        column = self.layout.later_column(at.variant, at.token, edit.layer)
        self._add_write(at, edit, 0, (column,), None)

    def _add_write(
        self, at: At, edit: Edit, offset: int, columns: tuple[int, ...], number: int | None
    ) -> None:
        self._site(edit.layer, edit.site).writes.append(
            OneWrite(number, at, edit.value, offset, columns, edit.head or 0, edit.dims)
        )

    def add_source_read(self, read: Read) -> None:
        """Have a read of the source filled in, for all variants."""
        self._add_read(At(0), read)

    def _add_read(self, at: At, read: Read) -> None:
        """Have a read filled in as the model passes its site: a row of the bank per token."""
        site = self._site(read.layer, read.site)
        columns = self._read_columns(at, read)
        site.read_rows += self._new_rows(at, read, bank_of(read.site), len(columns))
        site.read_places += [(column, read.head or 0) for column in columns]

    def _read_columns(self, at: At, read: Read) -> list[int]:
        if at.token is not None and read.prompt == "target":
            return [self.layout.later_column(at.variant, at.token, read.layer)]
        assert not isinstance(self.layout, StepLayout)
        variant = None if read.prompt == "source" else at.variant
        tokens = read.span.resolve(self._prompt_length(read), str(read))
        return [self.layout.columns(variant, token, read.layer)[0] for token in tokens]

    @property
    def fixed_rows(self) -> list[FixedRows]:
        """What is in each bank before the model runs."""
        return fixed_rows(self.fixed, self.model.bank_widths)

    @property
    def mean_rows(self) -> dict[Read, int]:
        """The row of each mean over several sources."""
        return {term: row for (term, _), row in self.fixed.items() if isinstance(term, Read)}

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

    def _site(self, layer: int, name: Site) -> SiteWork:
        return self.sites.setdefault((layer, site_order(name), name), SiteWork())

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
            if read.prompt != MEAN
            else (read, 1)
            for read in value.reads()
        ]

    def _prompt_length(self, read: Read) -> int:
        layout = self.source_layout if read.prompt == "source" else self.layout
        assert not isinstance(layout, StepLayout)
        return layout.prompt_length

    def _add_terms(self, at: At, value: Value, site: SiteWork, bank: int) -> None:
        """Give every term of a value its rows in the bank, one per token."""
        for _, term in value.terms:
            if self._known_rows(at, term, bank) is not None:
                continue
            if isinstance(term, Read) and term.prompt != MEAN:
                self._add_read(at, term)
                continue
            if isinstance(term, Fixed | Read):
                self.fixed[term, bank] = self.sizes[bank]
                self.sizes[bank] += 1
                continue
            for argument in term.arguments:
                self._add_terms(at, argument, site, bank)
            rows = self._new_rows(at, term, bank, self._count(at, term))
            site.calls.append(OneCall(term, rows, at))

    def _count(self, at: At, term: Applied) -> int:
        """How many tokens a function is called for."""
        if at.token is not None:
            return 1
        return max([n for a in term.arguments for _, n in self._read_lengths(a)], default=1)

    def _known_rows(self, at: At, term: Read | Fixed | Applied, bank: int) -> list[int] | None:
        """The bank rows of a term, if it has them: what is no variant's own serves all of them."""
        if isinstance(term, Fixed) or (isinstance(term, Read) and term.prompt == MEAN):
            return [self.fixed[term, bank]] if (term, bank) in self.fixed else None
        if isinstance(term, Read) and term.prompt == "source":
            return self.shared.get(term)
        return self.own.get((at, term, bank))

    def _new_rows(self, at: At, term: Read | Applied, bank: int, count: int) -> list[int]:
        rows = list(range(self.sizes[bank], self.sizes[bank] + count))
        self.sizes[bank] += count
        if isinstance(term, Read) and term.prompt == "source":
            self.shared[term] = rows
        else:
            self.own[at, term, bank] = rows
        return rows

    def _sum(self, items: Sequence[tuple[At, Value, int]], bank: int) -> Sum:
        """Many values at once, each (whose, value, which of its tokens)."""
        index, row, weight = [], [], []
        for result, (at, value, offset) in enumerate(items):
            for factor, term in value.terms:
                rows = self._known_rows(at, term, bank)
                assert rows is not None
                # After the prompt, of several tokens of the source the last is taken.
                place = -1 if at.token is not None else offset if len(rows) > 1 else 0
                index.append(result)
                row.append(rows[place])
                weight.append(factor)
        return Sum(
            n_results=len(items),
            result=torch.tensor(index, dtype=torch.long),
            row=torch.tensor(row, dtype=torch.long),
            weight=torch.tensor(weight)[:, None],
            constant=torch.tensor([value.constant for _, value, _ in items])[:, None],
        )

    def _step(self, layer: int, name: Site, site: SiteWork) -> SiteStep:
        path, bank = self.model.site(name, layer), bank_of(name)
        return SiteStep(
            kind="site",
            layer=layer,
            path=path.path,
            side=path.side,
            scale=path.scale,
            plus=path.plus,
            bank=bank,
            width=self.model.width(name, layer),
            read=site.read(),
            calls=[self._call(calls, bank) for calls in group_calls(site.calls)],
            write=self._write(site, bank, self.model.width(name, layer)) if site.writes else None,
        )

    def _call(self, calls: Sequence[OneCall], bank: int) -> Call:
        """One call for several variants that call one function with one matrix."""
        applied = calls[0].applied
        arguments = [
            self._sum(
                [
                    (call.at, call.applied.arguments[number], offset)
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

    def _write(self, site: SiteWork, bank: int, width: int) -> SiteWrite:
        cells = [(write, column) for write in site.writes for column in write.columns]
        counts = torch.tensor([len(write.columns) for write in site.writes])
        first = counts.cumsum(0) - counts
        numbered = torch.tensor([write.number is not None for write in site.writes])
        alone = bool((counts == 1).all() and numbered.all())
        return SiteWrite(
            value=self._sum([(write.at, write.value, write.offset) for write, _ in cells], bank),
            column=torch.tensor([column for _, column in cells]),
            head=torch.tensor([write.head for write, _ in cells]),
            number=torch.tensor([w.number for w in site.writes if w.number is not None]).long(),
            first=None if alone else first[numbered],
            part=part_of([write.dims for write, _ in cells], width),
        )
