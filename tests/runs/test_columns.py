"""A column is declared in one place: from there it is computed, stored, read back and shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from made_run import made_manifest, tables_of

from xtransplant import Example
from xtransplant.bench.rescore import judge_part, rescore
from xtransplant.engine.outcome import Generations, Scores, Writes
from xtransplant.grid.grid import Grid
from xtransplant.packing import ROWS
from xtransplant.runs import columns, records, rows
from xtransplant.runs.columns import CELL, JUDGED, MEASURED, SOURCE, VANILLA, Column, columns_of
from xtransplant.runs.measured import Measured
from xtransplant.runs.rows import Rows
from xtransplant.runs.store import create_run, open_run

PAIRS = [(0, 0), (0, 1), (1, 0)]
WRITES = Writes(
    counts=np.array([1, 2, 0]),
    written_norm=np.array([1, 2, np.inf], dtype=np.float32),
    replaced_norm=np.array([4, 5, 0], dtype=np.float32),
    cosine=np.array([0.5, -1, np.nan], dtype=np.float32),
)
PER_WRITE = {
    "written_norms": [[1], [2, np.inf], []],
    "replaced_norms": [[4], [5, 0], []],
    "cosines": [[0.5], [-1, np.nan], []],
}


def found(mode, writes=WRITES):
    """What the engine would find of one example."""
    n = len(PAIRS)
    if mode == "generate":
        return Generations(
            outputs=tuple("abc"), token_ids=((1,),) * n, vanilla="v", source="s", packing=ROWS,
            forward_passes=1, token_forwards=1.0, seconds=0.0, finite=(True, True, False),
            unchanged=(False, True, False), vanilla_finite=True, source_finite=False, writes=writes,
        )  # fmt: skip
    return Scores(
        logprobs=np.full((n, 2), -1.0), vanilla=np.full(2, -2.0), source=np.full(2, -3.0),
        top_tokens=(("x",),) * n, top_logprobs=np.zeros((n, 1)), vanilla_top=("y",),
        source_top=("z",), packing=ROWS, forward_passes=1, token_forwards=1.0, seconds=0.0,
        vanilla_top_logprobs=np.zeros(1), source_top_logprobs=np.zeros(1),
        unchanged=np.array([False, True, False]), writes=writes,
    )  # fmt: skip


def stored(mode, writes=WRITES):
    """The table of one example's records."""
    made, one = Rows(mode), found(mode, writes)
    of = Measured.of_generations if mode == "generate" else Measured.of_scores
    made.add_measured(7, VANILLA, (), of(one, "target"))
    made.add_measured(7, SOURCE, (), of(one, "source"))
    made.add_measured(7, "swap", PAIRS, of(one, "variants"))
    return made.table()


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_every_write_has_its_norms_and_cosine_and_the_prompts_have_none(mode):
    table = stored(mode)
    for name, expected in PER_WRITE.items():
        assert table[name].type == pa.list_(pa.float32())
        values = table[name].to_pylist()
        assert values[:2] == [None, None]
        for own, one in zip(values[2:], expected, strict=True):
            np.testing.assert_array_equal(own, one)
        assert stored(mode, writes=None)[name].null_count == len(table)


def test_a_prompt_without_a_transplant_is_what_the_engine_says_of_it():
    rows = stored("generate").to_pylist()
    assert [row["output"] for row in rows] == ["v", "s", "a", "b", "c"]
    assert [row["finite"] for row in rows] == [True, False, True, True, False]
    assert [row["unchanged"] for row in rows] == [True, False, False, True, False]
    assert [row["source_layer"] for row in rows] == [None, None, 0, 0, 1]
    rows = stored("score").to_pylist()
    assert [row["top_token"] for row in rows] == ["y", "z", "x", "x", "x"]
    assert [row["logprobs"][0] for row in rows] == [-2, -3, -1, -1, -1]


def test_the_columns_of_old_stand_first_and_as_they_were():
    floats = pa.list_(pa.float32())
    state = [("finite", pa.bool_()), ("unchanged", pa.bool_())]
    cell = [
        ("example", pa.int32()), ("strategy", pa.dictionary(pa.int16(), pa.string())),
        ("source_layer", pa.int16()), ("target_layer", pa.int16()),
    ]  # fmt: skip
    scored = [*cell, ("logprobs", floats), ("top_token", pa.string()), *state]
    generated = [*cell, ("output", pa.string()), *state]
    for mode, expected in (("score", scored), ("generate", generated)):
        schema = stored(mode).schema
        assert [(one.name, one.type) for one in schema][: len(expected)] == expected
    levels = ("strict", "match", "lenient")
    assert [(one.name, one.type) for one in JUDGED] == [
        *((level, pa.bool_()) for level in levels),
        *((f"other_{level}", pa.uint8()) for level in levels), ("margin", pa.float32()), *state,
        *((f"set_{level}", pa.dictionary(pa.int8(), pa.string())) for level in levels),
        ("parsed", pa.bool_()), ("chosen", pa.int16()),
    ]  # fmt: skip


def test_every_column_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "bench.md").read_text()
    for mode in ("score", "generate"):
        assert [name for name in columns_of(mode) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_grid_shows_them_and_json_says_null_for_nan(mode):
    own = {"scores": None, "generations": None} | {
        "scores" if mode == "score" else "generations": found(mode)
    }
    example = Example("s", "t", (" a", " b"), " a", "e")
    grid = Grid("m", "swap", example, (0,), (0, 1, 2), packing=ROWS, **own)
    frame = grid.to_frame()
    for name, expected in PER_WRITE.items():
        for values, one in zip(frame[name], expected, strict=True):
            np.testing.assert_array_equal(values, one)
    cells = grid.to_dict()["cells"]
    assert [cell["cosines"] for cell in cells] == [[0.5], [-1.0, None], []]
    assert [cell["written_norms"] for cell in cells] == [[1.0], [2.0, None], []]


@pytest.fixture
def declared(monkeypatch):
    """Two more columns: one that is measured, one that is judged."""
    longer = Column("length", pa.int32(), lambda rows: [len(text) for text in rows.outputs] or None)
    sure = Column("sure", pa.bool_(), lambda judged: judged.right.all(axis=1))
    for module in (columns, rows):
        monkeypatch.setattr(module, "MEASURED", (*MEASURED, longer))
        monkeypatch.setattr(module, "JUDGED", (*JUDGED, sure))


def write(run, parts):
    for part in parts:
        made = tables_of(run.manifest, part)
        run.write("examples", part, made["examples"])
        # The rows of a run that is made up name their columns; this is what it would compute.
        records = made["records"]
        if "length" in [one.name for one in columns.MEASURED]:
            at = records.column_names.index("length")
            lengths = pa.array([len(text) for text in records["output"].to_pylist()], pa.int32())
            records = records.set_column(at, "length", lengths)
        run.write("records", part, records)
        judge_part(run, part)


def test_a_declared_column_is_computed_stored_read_and_shown(tmp_path, declared):
    table = stored("generate")
    assert table["length"].to_pylist() == [1] * 5
    run = create_run(tmp_path / "run", made_manifest())
    write(run, run.manifest.parts())
    frame = records(run.finish())
    assert list(frame.length) == [len(text) for text in frame.output]
    assert list(frame.sure) == list(frame.strict & frame.match & frame.lenient)
    grid = Grid("m", "swap", Example("s", "t", ()), (0,), (0, 1, 2), None, found("generate"), ROWS)
    assert list(grid.to_frame().length) == [1, 1, 1]
    assert [cell["length"] for cell in grid.to_dict()["cells"]] == [1, 1, 1]


def names_on_disk(run, kind):
    return {
        tuple(pyarrow.parquet.read_schema(path).names) for path in run.path.glob(f"{kind}/*/*/*")
    }


def test_a_run_begun_before_a_column_keeps_its_own_and_reads_it_as_null(tmp_path, request):
    run = create_run(tmp_path / "run", made_manifest())
    parts = list(run.manifest.parts())
    write(run, parts[:2])
    before = {kind: names_on_disk(run, kind) for kind in ("records", "correct")}
    then = {path: path.read_bytes() for path in run.path.rglob("*.parquet")}
    request.getfixturevalue("declared")
    now = open_run(run.path)
    write(now, parts[2:])
    assert {path: path.read_bytes() for path in then} == then
    assert {kind: names_on_disk(run, kind) for kind in before} == before
    frame = records(now.finish())
    assert len(frame) == 2 * 6 * (2 + 4)  # languages, examples, prompts and pairs
    assert frame.length.isna().all()
    assert frame.sure.isna().all()
    assert list(records(now, columns=["length", "example"]).columns) == [
        "task", "lang", "length", "example",
    ]  # fmt: skip
    # Judging every part again adds what is judged; what is measured would have to be run.
    assert rescore(run.path).changed == dict.fromkeys(columns.CORRECT, 0)
    frame = records(run.path)
    assert list(frame.sure) == list(frame.strict & frame.match & frame.lenient)
    assert frame.length.isna().all()


def test_a_run_that_keeps_no_samples_has_no_columns_but_its_cells(tmp_path):
    manifest = replace(made_manifest(), config={"pairs": "overall", "log_samples": False})
    run = create_run(tmp_path / "run", manifest)
    for part in manifest.parts():
        made = tables_of(manifest, part)
        run.write("examples", part, made["examples"].select(["example", "id", "digest"]))
        run.write("correct", part, made["correct"])
        run.write("records", part, made["records"].select(list(CELL)))
    names = set(records(run.finish()).columns)
    assert names == {"task", "lang", *CELL, *(one.name for one in JUDGED)}
