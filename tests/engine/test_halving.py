"""Work that runs out of memory is halved and goes on; what was done is kept."""

from itertools import chain, pairwise

import pytest
import torch

from xtransplant import XTransplantError
from xtransplant.engine.ask.halving import Demand, run_fitting, run_in_chunks
from xtransplant.engine.ask.memory import MemoryBudget

TOO_LARGE = "one variant does not fit"
VARIANTS = Demand(fixed=0.0, each=1.0, columns=1, unit="variants", too_large=TOO_LARGE)


def scarce(most, tried):
    """A function of a range that runs out of memory over more than ``most`` units."""

    def run(chunk):
        tried.append(len(chunk))
        if len(chunk) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(chunk)

    return run


@pytest.mark.parametrize(("total", "most"), [(16, 16), (16, 5), (13, 3), (7, 1), (1, 1)])
def test_every_unit_runs_once_and_in_order(total, most):
    tried = []
    chunks = list(run_in_chunks(MemoryBudget(1e9), VARIANTS, total, scarce(most, tried)))
    assert list(chain.from_iterable(chunks)) == list(range(total))
    # No chunk is tried again at a size that failed, and each failure halves.
    failed = [size for size in tried if size > most]
    assert all(later <= earlier // 2 for earlier, later in pairwise(failed))
    assert len(tried) == len(chunks) + len(failed)


def test_what_was_done_is_kept_where_memory_runs_out_later():
    full = iter([False, True, False, False])
    done = []

    def run(chunk):
        if next(full):
            raise MemoryError
        done.append(chunk)
        return chunk

    chunks = list(run_in_chunks(MemoryBudget(4.0), VARIANTS, 8, run))
    assert chunks == done == [range(4), range(4, 6), range(6, 8)]


def test_a_budget_bounds_a_chunk_by_bytes_and_by_tokens():
    def sizes(memory, demand=VARIANTS):
        return [len(chunk) for chunk in run_in_chunks(memory, demand, 7, lambda chunk: chunk)]

    assert sizes(MemoryBudget(3.0)) == [3, 3, 1]
    assert sizes(MemoryBudget(1e9, columns=2)) == [2, 2, 2, 1]
    assert sizes(MemoryBudget(0.5)) == [1] * 7


def test_without_units_it_is_called_once():
    assert list(run_in_chunks(MemoryBudget(1e9), VARIANTS, 0, len)) == [0]


@pytest.mark.parametrize("total", [0, 1, 6])
def test_a_single_unit_that_does_not_fit_is_said_in_one_line(total, caplog):
    with pytest.raises(XTransplantError, match=f"^{TOO_LARGE}$") as raised:
        list(run_in_chunks(MemoryBudget(1e9), VARIANTS, total, scarce(-1, [])))
    assert isinstance(raised.value.__cause__, torch.OutOfMemoryError)
    assert ("6 variants" in caplog.text) == (total == 6)


def test_another_error_is_not_taken_for_it():
    def broken(count):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        run_fitting(MemoryBudget(1e9), VARIANTS, 4, broken)


def test_an_error_that_memory_caused_counts_as_one():
    tried = []

    def run(count):
        tried.append(count)
        if count > 2:
            raise RuntimeError("the job failed") from MemoryError()
        return "done"

    assert run_fitting(MemoryBudget(1e9), VARIANTS, 8, run) == (2, "done")
    assert tried == [8, 4, 2]
