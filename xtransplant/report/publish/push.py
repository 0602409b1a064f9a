"""Sending a run to the hub, as a data set that others make the same tables from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtransplant.errors import XTransplantError, one_line
from xtransplant.report.document import read_summaries
from xtransplant.report.publish.card import make_card
from xtransplant.report.publish.files import (
    CARD,
    PublishedFile,
    left_out,
    named_places,
    published_files,
)
from xtransplant.report.publish.licences import conditions, unshareable
from xtransplant.report.summary import Summary
from xtransplant.runs.store import Run, open_run

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["Given", "Plan", "plan_push", "push"]

_MOST_PLACES = 8


@dataclass(frozen=True)
class Given:
    """What is asked of a push.

    Attributes:
        repo: the data set's name, ``USER/NAME``.
        license: the licence of what is published, by the hub's name for it.
        may_share: whoever pushes says that the data may be passed on.
        card: a file that stands for the card; made from the run where it is None.
        revision: a branch, made where there is none; the hub's main one where it is None.
        private: who may see it.
    """

    repo: str
    license: str | None = None
    may_share: bool = False
    card: Path | None = None
    revision: str | None = None
    private: bool = False


@dataclass(frozen=True)
class Plan:
    """What a push would send.

    Attributes:
        files: without the card.
        card: its text.
        notes: what to look at before, a line each.
        refusal: why it is not sent as things are; empty where it would be.
    """

    given: Given
    files: tuple[PublishedFile, ...]
    card: str
    notes: tuple[str, ...]
    refusal: str

    @property
    def size(self) -> int:
        """In bytes, the card with them."""
        return sum(one.size for one in self.files) + len(self.card.encode())

    def check(self) -> None:
        """Raise what it is refused for.

        Raises:
            XTransplantError: it is.
        """
        if self.refusal:
            raise XTransplantError(self.refusal)


def plan_push(path: str | Path, given: Given) -> Plan:
    """What pushing a run would send; every stored byte is compared with its checksum.

    Raises:
        XTransplantError: no run there, nothing stored in it, a damaged file, a card that cannot be
            read, or a name that the hub does not take.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(given.repo)
    except HFValidationError as error:
        raise XTransplantError(f"--to {given.repo!r}: {one_line(error)}") from error
    if given.repo.count("/") != 1:
        raise XTransplantError(f"--to {given.repo!r}: give it as USER/NAME, or ORGANISATION/NAME")
    run = open_run(path)
    (summary,) = read_summaries([path])
    card = make_card(run, summary, given.repo, given.license)
    if given.card is not None:
        try:
            card = given.card.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise XTransplantError(f"cannot read --card {str(given.card)!r}: {error}") from error
    return Plan(
        given, tuple(published_files(run)), card, tuple(_notes(run, summary)),
        _refusal(run, given),
    )  # fmt: skip


def _refusal(run: Run, given: Given) -> str:
    if (found := unshareable(run.manifest)) and not given.may_share:
        task, licence = next(iter(found.items()))
        return (
            f"run {run.path.name} holds prompts and outputs of {task}, and the licence of its data "
            f"({licence}) does not say that you may pass them on; if you may, add "
            "--i-may-share-the-data; or run it with --no-log-samples, which stores none of them"
        )
    if given.license is None and given.card is None:
        return (
            "say under which licence others get the run, by the hub's name for it: --license "
            "cc-by-4.0 (or mit, other, ...)"
        )
    return ""


def _notes(run: Run, summary: Summary) -> Iterator[str]:
    if summary.absent:
        yield f"{summary.missing} of {summary.n_parts} parts are missing; the card says so"
    yield from (f"{one}; the card says which licence it is" for one in conditions(run.manifest))
    places = named_places(run)
    for place in places[:_MOST_PLACES]:
        yield f"manifest.json names a place on a machine: {place}"
    if len(places) > _MOST_PLACES:
        yield f"manifest.json names {len(places) - _MOST_PLACES} further places"
    if names := left_out(run):
        yield f"left where they are: {', '.join(names)}"


def push(plan: Plan) -> str:
    """Send what was planned, in one go; the address of the data set.

    Whose name it is sent under is the hub's own affair (``hf auth login``, ``HF_TOKEN``).

    Raises:
        XTransplantError: it is refused, by us or by the hub.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    plan.check()
    given = plan.given
    try:
        return _send(plan, HfApi())
    except XTransplantError:
        raise
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise XTransplantError(f"{given.repo!r} was not sent: {_why(error)}") from error


def _send(plan: Plan, api: HfApi) -> str:
    given, kind = plan.given, "dataset"
    url = api.create_repo(
        given.repo, private=given.private or None, exist_ok=True, repo_type=kind
    )  # fmt: skip
    if given.private and not api.dataset_info(given.repo).private:
        raise XTransplantError(
            f"{given.repo!r} is there already, and all can read it; make it private on the hub "
            "first, give another --to, or leave --private out"
        )
    if given.revision is not None:
        api.create_branch(given.repo, branch=given.revision, exist_ok=True, repo_type=kind)
    with tempfile.TemporaryDirectory(prefix="xtp-push-") as folder:
        _stage(plan, Path(folder))
        api.upload_folder(
            repo_id=given.repo, folder_path=folder, revision=given.revision,
            commit_message="A run of xtransplant", repo_type=kind,
        )  # fmt: skip
    return str(url)


def _stage(plan: Plan, folder: Path) -> None:
    """A folder of links to the files, so that these go, the card with them, and no others."""
    for one in plan.files:
        link = folder / one.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(one.path.resolve())
    (folder / CARD).write_text(plan.card, "utf-8")


def _why(error: Any) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    kinds = {type(error).__name__, type(error.__cause__).__name__}
    if status == 401 or "LocalTokenNotFoundError" in kinds:
        return "the hub does not know you; run: hf auth login (or set HF_TOKEN)"
    if status == 403:
        return "you may not write there; check --to, and that your key may write (hf auth whoami)"
    if "OfflineModeIsEnabled" in kinds:
        return "HF_HUB_OFFLINE is set; unset it"
    if status is None and any("Connect" in kind or "Timeout" in kind for kind in kinds):
        return "the hub cannot be reached; check the network (and HF_ENDPOINT, if you set it)"
    return f"{one_line(error)}; run the same command again, which sends what is missing"
