"""A run on the hub: what goes, what does not, and that the same tables come back from it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hub_stub import KEY, hub_stub
from made_runs import make_run

from xtransplant.errors import XTransplantError
from xtransplant.report.data import to_csv
from xtransplant.report.document import read_summaries
from xtransplant.report.publish.files import named_places
from xtransplant.report.publish.push import Given, plan_push
from xtransplant.runs.check import find_damage
from xtransplant.runs.store import open_run


@pytest.fixture
def run(tmp_path):
    run = make_run(tmp_path / "run", nulls={"ffn-swap": "other"})
    (run.path / "mine.py").write_text("# a strategy")
    (run.path / "jobs").write_text("a server's")
    (run.path / ".secret").write_text("hidden")
    (run.path / "link").symlink_to("/etc/hostname")
    return run


def xtp(hub, *arguments, key=KEY, **more):
    """The command in a process of its own, whose hub is the stub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    keys = {"HF_TOKEN": key} if key else {"HF_TOKEN_PATH": "/nonexistent"}
    told = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0", **keys, **more}
    return subprocess.run(
        [sys.executable, "-m", "xtransplant", "push", *map(str, arguments)],
        env=kept | told, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("lfs", [True, False], ids=["lfs", "in the commit"])
def test_what_is_pushed_gives_the_same_report(run, tmp_path, lfs):
    with hub_stub() as hub:
        hub.lfs = lfs
        xet = {"HF_HUB_DISABLE_XET": "1"} if lfs else {}
        done = xtp(hub, run.path, "--to", "me/run", "--license", "mit", **xet)
        assert (done.returncode, done.stdout.strip()) == (0, f"{hub.url}/datasets/me/run")
        assert KEY not in done.stdout + done.stderr
    back = tmp_path / "back" / "run"
    for name, data in hub.files["main"].items():
        (back / name).parent.mkdir(parents=True, exist_ok=True)
        (back / name).write_bytes(data)
    assert not list(find_damage(open_run(back)))
    assert to_csv(read_summaries([back])) == to_csv(read_summaries([run.path]))
    assert KEY.encode() not in b"".join(hub.files["main"].values())
    assert {name for name in hub.files["main"] if "/" not in name} == {
        "README.md", "manifest.json", "mine.py"
    }  # fmt: skip


def test_a_dry_run_lists_what_a_push_sends_and_sends_nothing(run):
    with hub_stub() as hub:
        asked = (run.path, "--to", "me/run", "--license", "mit")
        dry = xtp(hub, *asked, "--dry-run")
        assert dry.returncode == 0
        assert not hub.asked
        listing, _, card = dry.stdout.partition("\n\n")
        listed = {line.split()[1]: int(line.split()[0].replace(",", ""))
                  for line in listing.splitlines()}  # fmt: skip
        assert xtp(hub, *asked, HF_HUB_DISABLE_XET="1").returncode == 0
    sent = hub.files["main"]
    assert listed == {name: len(data) for name, data in sent.items()}
    assert card.strip() == sent["README.md"].decode().strip()
    assert "jobs" in dry.stderr


def test_the_card_says_where_the_tables_are_and_what_they_say(run, tmp_path):
    datasets = pytest.importorskip("datasets")
    plan = plan_push(run.path, Given("me/run", "cc-by-4.0"))
    head = yaml.safe_load(plan.card.split("---\n")[1])
    assert head["license"] == "cc-by-4.0"
    assert head["language"] == ["en", "sw", "zh"]
    (run.path / "README.md").write_text(plan.card)
    for config in head["configs"]:
        found = datasets.load_dataset(
            str(run.path), config["config_name"], cache_dir=str(tmp_path / "cache")
        )
        assert list(found) == ["sw", "zh"]
    # An example and a grid of 16 for each strategy and null, and the two prompts.
    assert found["sw"].num_rows == 12 * (16 * 3 + 2)
    (summary,) = read_summaries([run.path])
    rate = summary.tasks["xnli"].languages["sw"].vanilla["match"]
    assert f"| vanilla (target) | {100 * rate.value:.1f} |" in plan.card


@pytest.mark.slow  # a process for each command, and each imports what pushes
def test_data_that_nobody_may_pass_on_are_not_sent(run):
    def with_licence(licence, log_samples=True):
        def change(manifest):
            entry = replace(manifest.tasks["xnli"], licence=licence)
            config = {**manifest.config, "log_samples": log_samples}
            return replace(manifest, tasks={"xnli": entry}, config=config)

        run.revise(change)
        return plan_push(run.path, Given("me/run", "mit"))

    for licence in ("not stated", "", "yours", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "all mine"):
        assert "--i-may-share-the-data" in with_licence(licence).refusal, licence
        assert not plan_push(run.path, Given("me/run", "mit", may_share=True)).refusal
        assert not with_licence(licence, log_samples=False).refusal
    for licence in ("MIT", "CC-BY-SA-4.0", "Apache-2.0"):
        assert not with_licence(licence).refusal, licence
    assert any("no commercial use" in note for note in with_licence("CC-BY-NC-4.0").notes)
    with hub_stub() as hub:
        with_licence("not stated")
        done = xtp(hub, run.path, "--to", "me/run", "--license", "mit")
        assert done.returncode == 2
        assert not hub.asked
        assert done.stderr.count("--i-may-share-the-data") == 1


def test_a_licence_is_asked_for(run, tmp_path):
    assert "--license" in plan_push(run.path, Given("me/run")).refusal
    own = tmp_path / "own.md"
    own.write_text("---\nlicense: mit\n---\n# Mine")
    plan = plan_push(run.path, Given("me/run", card=own))
    assert not plan.refusal
    assert plan.card == own.read_text()


def test_damage_is_found_before_anything_is_sent(run):
    (part, *_) = run.stored()
    path = run.part_path("records", part)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(XTransplantError, match="damaged"):
        plan_push(run.path, Given("me/run", "mit"))


@pytest.mark.parametrize("name", ["run", "a/b/c", "me/a b", "../x", "me/..", ""])
def test_a_name_that_the_hub_does_not_take_is_refused(run, name):
    with pytest.raises(XTransplantError, match="--to"):
        plan_push(run.path, Given(name, "mit"))


def test_a_home_folder_in_the_manifest_is_named(run):
    run.revise(lambda one: replace(
        one, config={**one.config, "a": [{"file": str(Path.home() / "x")}, "/home/ann/y"]},
        machine={"host": "box"},
    ))  # fmt: skip
    found = named_places(open_run(run.path))
    assert found == [
        f"config.a[0].file: {Path.home() / 'x'}", "config.a[1]: /home/ann/y", "machine.host: box"
    ]  # fmt: skip
    notes = plan_push(run.path, Given("me/run", "mit")).notes
    assert any("/home/ann/y" in note for note in notes)


@pytest.mark.slow  # a process for each command, and each imports what pushes
def test_what_the_hub_says_no_to_is_one_line(run):
    asked = (run.path, "--to", "me/run", "--license", "mit")
    with hub_stub() as hub:
        for key in ("hf_wrong_key_of_no_one", None):
            done = xtp(hub, *asked, key=key, HF_HUB_DISABLE_XET="1")
            assert done.returncode == 2
            assert "hf auth login" in done.stderr.splitlines()[-1]
            assert "hf_wrong" not in done.stderr
        hub.fault = 403
        done = xtp(hub, *asked, HF_HUB_DISABLE_XET="1")
        assert done.returncode == 2
        assert "you may not write there" in done.stderr.splitlines()[-1]
        # It is there by now, and public.
        hub.fault = None
        done = xtp(hub, *asked, "--private", HF_HUB_DISABLE_XET="1")
        assert (done.returncode, hub.files) == (2, {}), done.stderr
        assert "all can read it" in done.stderr.splitlines()[-1]
    done = xtp(hub, *asked, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in done.stderr.splitlines()[-1]


def test_private_and_a_branch_are_asked_for(run):
    with hub_stub() as hub:
        done = xtp(hub, run.path, "--to", "me/run", "--license", "mit", "--private",
                   "--revision", "v1", HF_HUB_DISABLE_XET="1")  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert hub.private == {"me/run": True}
    assert list(hub.files) == ["v1"]
    assert "POST /api/datasets/me/run/branch/v1" in hub.asked
    assert json.loads(hub.files["v1"]["manifest.json"])["id"] == run.manifest.id
