"""Jobs of a bench: several at once, their ids on disk, collected by whoever goes on."""

import importlib.util
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch
from alike import assert_alike, tables
from loopback import KEY

from xtransplant import XTransplantError
from xtransplant.backends.ndif.backend import Ndif
from xtransplant.backends.ndif.jobs import Jobs, job_digest
from xtransplant.backends.turn import Stopped, Turn
from xtransplant.cli.app import run as xtp
from xtransplant.engine.verify import PackingCheck
from xtransplant.packing import Packing
from xtransplant.runs import open_run


class Hasty(Ndif):
    """A server whose jobs are soon given up."""

    @classmethod
    def at(cls, address, flags):
        return replace(Ndif.at(address, flags), timeout=1.0)


SHAPE = [
    "bench", "-t", "babel", "-s", "attn-swap", "-l", "sw,zh", "--mode", "generate",
    "--pairs", "last:first", "--max-new-tokens", "2",
]  # fmt: skip
COMMON = [*SHAPE, "--limit", "3"]
"""Nine jobs: six target prompts, and three source prompts that the second language asks for too."""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return computed_here(COMMON, tmp_path_factory.mktemp("here"))


def computed_here(command, folder):
    assert xtp([*command, "-o", str(folder)]) == 0
    return tables(next(folder.iterdir()))


@pytest.fixture
def checked(monkeypatch):
    """Packing is taken as found exact, so that faults strike a bench's own jobs."""
    found = PackingCheck(Packing(growing=True), worst=0.0, tolerance=1e-3)
    monkeypatch.setattr("xtransplant.bench.execute.packing_for", lambda model: found)


@pytest.mark.slow
def test_jobs_of_a_killed_client_are_collected_not_sent_again(ndif, tmp_path_factory, tmp_path):
    many = [*SHAPE, "--limit", "9"]
    command = [*many, "-o", str(tmp_path), "--on", f"ndif:{ndif.url}"]
    code = (
        "import sys; from nnsight.schema.config import CONFIG; CONFIG.API.APIKEY = sys.argv[1]; "
        "from xtransplant.cli.app import run; sys.exit(run(sys.argv[2:]))"
    )
    # The server has the model before the run begins: its revision there is part of the manifest.
    layers = ["--source-layers", "0", "--target-layers", "0"]
    assert xtp(["trace", "-s", "none", *layers, "--on", f"ndif:{ndif.url}"]) == 0
    ndif.reset()
    client = subprocess.Popen(
        [sys.executable, "-c", code, KEY, *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def ids():
        files = list(tmp_path.glob("*/jobs"))
        return Jobs.open(files[0])._known if files else {}

    # The check of packing is through when the first id is kept; from then on jobs take long.
    deadline = time.monotonic() + 120
    while len(ids()) < 6 and client.poll() is None and time.monotonic() < deadline:
        ndif.arm("slow", 99 if ids() else 0)
    client.send_signal(signal.SIGKILL)
    assert client.wait() == -signal.SIGKILL, client.stderr.read()
    (run,) = (path.parent for path in tmp_path.glob("*/jobs"))
    assert open_run(run).missing()
    # Handed in, but the client died before it could write the id down; a busy server may take such
    # jobs from its socket only now.
    queued = -1
    while queued != ndif.log["queued"]:
        queued = ndif.log["queued"]
        time.sleep(1.0)
    lost = ndif.log["queued"] - len(ids())
    assert len(ids()) >= 6
    ndif.arm("none", 0)
    assert xtp(command) == 0
    # 18 target prompts and 9 source prompts, each once whoever asked.
    assert ndif.log["queued"] == 27 + lost
    assert_alike(tables(run), computed_here(many, tmp_path_factory.mktemp("here")))
    assert not (run / "jobs").exists()


@pytest.mark.slow
def test_several_are_under_way_at_once(ndif, here, checked, tmp_path):
    ndif.reset()
    ndif.arm("slow", 2)
    assert xtp([*COMMON, "-o", str(tmp_path), "--on", f"ndif:{ndif.url}", "--jobs", "2"]) == 0
    assert ndif.log["most"] == 2
    assert_alike(tables(next(tmp_path.iterdir())), here)


def test_what_is_final_ends_all_and_the_same_command_goes_on(ndif, here, checked, tmp_path, capsys):
    command = [*COMMON, "-o", str(tmp_path), "--on", f"ndif:{ndif.url}"]
    ndif.arm("401-later", 4)
    assert xtp(command) == 2
    err = capsys.readouterr().err
    assert "answered 401: Invalid API key; set your key" in err
    assert KEY not in err
    ndif.arm("none", 0)
    assert xtp(command) == 0
    assert_alike(tables(next(tmp_path.iterdir())), here)


COMPUTED_AGAIN = ("lost", "expired", "never")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*COMPUTED_AGAIN, "look503", "result503", "truncated", "429"])
def test_what_passes_by_is_asked_for_again(ndif, here, checked, tmp_path, monkeypatch, kind):
    monkeypatch.setattr("xtransplant.backends.ndif.waiting._UNKNOWN", 0.2)
    monkeypatch.setattr("xtransplant.backends.ndif.backend.Ndif", Hasty)
    pause = Turn.sleep
    monkeypatch.setattr(Turn, "sleep", lambda self, seconds: pause(self, min(seconds, 0.02)))
    ndif.arm(kind, 2)
    ndif.reset()
    assert xtp([*COMMON, "-o", str(tmp_path), "--on", f"ndif:{ndif.url}"]) == 0
    log = ndif.log
    assert (log["queued"] > 9) == (kind in COMPUTED_AGAIN)
    # What is computed and could not be fetched is fetched again. Three source prompts are collected
    # by the second language that asks for them.
    assert log["fetched"] == 9 + 3 + 2 * (kind in ("result503", "truncated", "expired"))
    assert_alike(tables(next(tmp_path.iterdir())), here)


def test_ids_are_read_back_and_a_line_cut_off_is_none(tmp_path):
    jobs = Jobs.open(tmp_path / "jobs")
    one, other = job_digest(1), job_digest(2)
    jobs.keep(one, "a-1")
    jobs.keep(other, "b-2")
    jobs.keep(one, "c-3")
    with open(tmp_path / "jobs", "a") as file:
        file.write(other[:20])
    again = Jobs.open(tmp_path / "jobs")
    assert (again.find(one), again.find(other), again.find(job_digest(3))) == ("c-3", "b-2", None)


def test_an_id_that_is_none_is_not_kept(tmp_path):
    # It becomes part of a URL.
    jobs = Jobs.open(tmp_path / "jobs")
    jobs.keep(job_digest(1), "../../request")
    assert jobs.find(job_digest(1)) is None
    assert not (tmp_path / "jobs").exists()


def test_a_full_disk_is_one_line(tmp_path):
    with pytest.raises(XTransplantError, match="cannot write"):
        Jobs.open(tmp_path / "nowhere" / "jobs").keep(job_digest(1), "a")


def test_digests_tell_apart_what_asks_other_things():
    def bend(scale):
        return lambda x: x * scale

    tensor = torch.arange(6)
    asked = [
        (tensor,), (tensor.view(2, 3),), (tensor.float(),), (tensor + 1,), ([tensor],),
        ({"a": tensor},), ({"b": tensor},), (None,), (1,), (1.0,), (True,), ("1",), ((1, 2), 3),
        ((1,), 2, 3), (bend(1.0),), (bend(2.0),), (torch.tanh,), (torch.sigmoid,),
    ]  # fmt: skip
    digests = [job_digest(*one) for one in asked]
    assert len(set(digests)) == len(asked)
    assert None not in digests
    assert job_digest(tensor.clone(), bend(1.0)) == job_digest(tensor, bend(1.0))
    # A part of a larger tensor, of whatever stride, counts as its numbers.
    assert job_digest(torch.arange(12).view(6, 2)[:, 0]) == job_digest(torch.arange(0, 12, 2))
    assert job_digest(object()) is None


def test_one_thread_computes_at_a_time_and_all_wait_together():
    turn, inside, most, waiting = Turn(), [], [], threading.Barrier(4, timeout=20)

    def work():
        with turn:
            for _ in range(50):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0)
                inside.pop()
                with turn.waiting():
                    pass
            with turn.waiting():
                waiting.wait()  # nobody passes unless all four wait at once

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(most) == 1
    assert not waiting.broken


def test_who_waits_gives_up_when_stopped():
    turn = Turn()
    turn.stop()
    with pytest.raises(Stopped):
        turn.sleep(60)


def test_one_code_with_other_numbers_beside_it_asks_other_things(tmp_path):
    # A job of the one was taken for a job of the other: the same code in two files of one name.
    digests = []
    for scale in (2, 3):
        folder = tmp_path / str(scale)
        folder.mkdir()
        file = folder / "mine.py"
        file.write_text(
            f"SCALE = {scale}\n\ndef helper(x):\n    return x * SCALE\n\ndef bend(x):\n"
            "    return helper(x) if x else bend(x)\n"
        )
        bends = [vars(imported(file, name))["bend"] for name in ("one", "one", "two")]
        digests += [job_digest(bend) for bend in bends]
    assert None not in digests
    # Alike when it is read again, whatever else is different.
    assert len(set(digests)) == 4
    assert digests[0] == digests[1] != digests[2]
    assert digests[3] == digests[4] != digests[0]


def imported(file, name):
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
