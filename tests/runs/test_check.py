"""Whatever happens to a stored file is found: by its bytes always, by its size at once."""

import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from xtransplant import XTransplantError
from xtransplant.report.document import write_report
from xtransplant.runs import examples, open_run, records
from xtransplant.runs.check import check_intact, find_damage
from xtransplant.runs.checksums import KINDS, sha256_of


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def edit(path):
    """The same table with one value changed, written as whole as any."""
    table = pyarrow.parquet.ParquetFile(path).read()
    name = "strict" if "strict" in table.column_names else "example"
    values = table[name].to_pylist()
    values[0] = not values[0] if name == "strict" else values[0] + 1
    column = pa.array(values, table.schema.field(name).type)
    table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    pyarrow.parquet.write_table(table, path, compression="zstd")


def shorten(path):
    table = pyarrow.parquet.ParquetFile(path).read()
    pyarrow.parquet.write_table(table.slice(0, len(table) - 3), path, compression="zstd")


HARM = (cut, flip, edit, shorten)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("harm", HARM)
def test_every_kind_of_damage_to_every_table_is_named(run, kind, harm):
    path = run.part_path(kind, list(run.manifest.parts())[2])
    assert check_intact(run) is run
    harm(path)
    (found,) = find_damage(open_run(run.path))
    assert str(found.path) == str(path.relative_to(run.path))
    with pytest.raises(XTransplantError, match=f"{kind}/task=made/lang=zh/part-00000.parquet"):
        write_report([run.path])


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize(("kind", "read"), [
    ("records", records), ("correct", records), ("examples", examples),
])  # fmt: skip
def test_a_damaged_table_is_not_read(run, kind, read, harm):
    harm(run.part_path(kind, list(run.manifest.parts())[1]))
    with pytest.raises(XTransplantError, match=f"{kind}/task=made/lang=sw/part-00001"):
        read(run.path)


def test_checksums_changed_along_do_not_make_fewer_judgements_fit(run):
    part = next(run.manifest.parts())
    path = run.part_path("correct", part)
    shorten(path)
    document = json.loads(run.sums_path(part).read_text())
    document["sha256"]["correct"], document["bytes"]["correct"] = (
        sha256_of(path),
        path.stat().st_size,
    )
    run.sums_path(part).write_text(json.dumps(document))
    for read in (records, lambda folder: write_report([folder])):
        with pytest.raises(XTransplantError, match=r"correct/.*rows for .* records"):
            read(run.path)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[1]", '{"run": "x"', '{"run": "x", "sha256": 3}']
)
def test_damaged_checksums_are_damage(run, text):
    part = next(run.manifest.parts())
    run.sums_path(part).write_text(text)
    (found,) = find_damage(run)
    assert found.kind == "checksums"
    assert open_run(run.path).missing() == [part]
    with pytest.raises(XTransplantError, match="checksums/task=made"):
        records(run)


def test_what_is_gone_is_named_and_counts_as_missing(run):
    parts = list(run.manifest.parts())
    run.part_path("examples", parts[0]).unlink()
    run.sums_path(parts[1]).unlink()
    assert [(one.kind, one.gone) for one in find_damage(run)] == [
        ("examples", True), ("checksums", False),
    ]  # fmt: skip
    assert run.missing() == parts[:2]


def test_parts_of_another_model_are_not_the_runs(run):
    path = run.path / "manifest.json"
    document = json.loads(path.read_text())
    document["model"]["fingerprint"] = "of another"
    path.write_text(json.dumps(document))
    other = open_run(run.path)
    assert len(other.missing()) == 4
    with pytest.raises(XTransplantError, match="another model's"):
        records(other)
    # Where the same model lies does not matter.
    document["model"] |= {"fingerprint": "f", "name": "/elsewhere", "device": "cuda"}
    path.write_text(json.dumps(document))
    assert not open_run(run.path).missing()
