"""Progress costs a few looks at the disk for each part, however many parts there are."""

import os
import time

import pytest

from xtransplant.bench.clock import Clock
from xtransplant.runs.claims import claim
from xtransplant.runs.manifest import Language, Manifest, TaskEntry
from xtransplant.runs.store import Run, create_run

N = 20_000
LANGS = ("sw", "zh")


class Counted(Run):
    """A run whose parts are stored when a test says so; counts looks at them."""

    looks = 0
    there: set

    def is_complete(self, part):
        type(self).looks += 1
        return part in self.there


@pytest.fixture
def run(tmp_path):
    entry = TaskEntry(
        "1", "", "en-to-lang", "pilot", "score", "begins", 1,
        {lang: Language(N // 2, "", {}) for lang in LANGS}, {},
    )  # fmt: skip
    manifest = Manifest(
        "id", 2, {}, {"name": "m", "n_layers": 2}, {}, {"made": entry}, {}, {}, "2026-01-01"
    )
    Counted.looks, Counted.there = 0, set()
    return Counted(create_run(tmp_path / "run", manifest).path, manifest)


def test_a_run_of_many_parts_looks_at_each_a_few_times(run):
    parts = list(run.manifest.parts())
    clock = Clock.of_run(run)
    with claim(run, parts) as claims:
        for number, part in enumerate(claims):
            # Every third one is another process's, which is a little ahead.
            run.there.add(part)
            run.there.update(parts[number * 3 // 2 : number * 3 // 2 + 8 : 3])
            clock.done(part)
            progress = clock.progress(part)
            claims.free(part)
    assert progress.done == progress.total == N // 2
    assert progress.left == 0
    assert clock.left == {}
    # It was half a look at every part after every part: 200,000,000.
    assert Counted.looks < 50 * N


def test_what_others_store_is_seen_and_counted_once(run):
    parts = list(run.manifest.parts())
    clock = Clock.of_run(run)
    assert clock.refresh() == []
    run.there.update(parts[1:200])
    assert clock.refresh() == parts[1:200]
    assert clock.refresh() == []
    clock.done(parts[0])
    run.there.add(parts[0])
    progress = clock.progress(parts[0])
    assert (progress.done, progress.total) == (200, N // 2)
    # One part in the time since, and N - 200 to go.
    assert progress.left == pytest.approx(progress.seconds * (N - 200))


def test_what_is_done_once_before_the_first_example_is_in_no_estimate(run, monkeypatch):
    now = 100.0
    monkeypatch.setattr("xtransplant.bench.clock.time.monotonic", lambda: now)
    parts = list(run.manifest.parts())
    clock = Clock.of_run(run)
    clock.started = now
    now += 60  # loading, verifying
    assert clock.within(parts[0], "attn-swap on 1 of 1", 0.0).left is None
    now += 1
    half = clock.within(parts[0], "attn-swap on 1 of 1", 0.5)
    assert (half.seconds, half.left) == (61, pytest.approx(2 * (N - 0.5)))
    now += 1
    clock.done(parts[0])
    run.there.add(parts[0])
    assert clock.progress(parts[0]).left == pytest.approx(2 * (N - 1))


def test_what_others_are_at_is_seen_and_their_loading_is_in_no_estimate(run, monkeypatch):
    now, began = 100.0, time.time()
    monkeypatch.setattr("xtransplant.bench.clock.time.monotonic", lambda: now)
    parts = list(run.manifest.parts())
    clock = Clock.of_run(run)
    clock.started = now
    assert clock.refresh() == clock.begun(began) == []
    for part in parts[:3]:
        path = run.sums_path(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    os.utime(run.sums_path(parts[0]), (began - 60, began - 60))  # a process's that is gone
    now += 60
    assert clock.begun(began) == parts[1:3]
    told = clock.under_way(parts[1:3])
    assert (told.at, told.done, told.left) == ("2 parts under way", 0, None)
    now += 5
    run.there.update(parts[1:3])
    for part in clock.refresh():
        clock.worked += part.stop - part.start
    assert clock.begun(began) == []
    assert clock.progress_of(parts[1]).left == pytest.approx(5 * (N - 2) / 2)


def test_parts_that_others_hold_are_all_that_is_looked_at_again(run, monkeypatch):
    parts = list(run.manifest.parts())
    held = parts[5:8]
    with claim(run, parts) as claims:
        hold = claims.hold
        waited = []

        def paused(seconds):
            waited.append(Counted.looks)
            if len(waited) == 10:
                run.there.update(held)

        monkeypatch.setattr("xtransplant.runs.claims.time.sleep", paused)
        claims.hold = lambda part: part not in held and hold(part)
        for part in claims:
            run.there.add(part)
            claims.free(part)
    assert len(waited) == 10
    assert waited[-1] - waited[0] == 9 * len(held)
