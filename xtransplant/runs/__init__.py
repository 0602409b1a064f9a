"""A run on disk: manifest, records, resuming, reading back as dataframes."""

from xtransplant.runs.listing import runs
from xtransplant.runs.manifest import Manifest, Part
from xtransplant.runs.read import examples, records
from xtransplant.runs.store import Run, create_run, open_run

__all__ = ["Manifest", "Part", "Run", "create_run", "examples", "open_run", "records", "runs"]
