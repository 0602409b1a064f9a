"""What a backend is: where a model's traces run, and what can be asked of it.

The engine and the bench know no backend by name. They ask for capabilities, which are class
attributes; the defaults are those of this process. So a backend is one file with one subclass of
:class:`Backend`, named under the entry points ``xtransplant.backends`` (see CONTRIBUTING.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from xtransplant.backends.turn import Turn

__all__ = ["Backend", "Finding", "Flags", "NotSent", "Say"]

Say = Callable[[str], None]
"""Takes one line for the user."""


@dataclass(frozen=True)
class Flags:
    """The command line's flags about a backend.

    Attributes:
        insecure: plain http to another machine is allowed.
        jobs: how many jobs of a bench are under way at once; None for the backend's default.
        workers: processes that share a bench; None for the backend's default.
    """

    insecure: bool = False
    jobs: int | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis.

    Attributes:
        ok: whether it is as it should be.
        what: what was found, and what to do if it is not ok; never a key.
    """

    ok: bool
    what: str


class NotSent(Exception):
    """Raised in the place of an answer.

    Attributes:
        size: of what would be sent, in bytes.
    """

    def __init__(self, size: int) -> None:
        """What would be sent, in bytes."""
        super().__init__(f"{size} bytes")
        self.size = size


class Backend:
    """Where a model's traces run.

    Subclass it; what a subclass leaves out is as in this process.

    Attributes:
        name: what ``--on`` takes.
        address_hint: what may follow the name and a colon, as help says it, such as ``URL``;
            empty if nothing may.
        flags: which fields of :class:`Flags` it reads; the others are refused.
        in_process: the weights are in this process, so that devices, free memory, float32 and a
            digest of the weights can be asked.
        travels: a traced block is sent to another process as source, and its results are received:
            functions are checked before and results after; nothing of this package is in a block.
        shares_prefix: it can run with a replaced attention function, which generation over one
            shared prefix needs.
        keeps_sources: activations read from a source prompt come back and can be used again.
        hosts_models: models are deployed there, on devices of its own choice; :meth:`deployed`
            and :meth:`examine` can be asked.
        runs_grids: a single grid can run there.
        has_workers: a bench runs there as a whole, by :meth:`run_workers`.
        is_dry: nothing is run; a session raises :class:`NotSent`.
        address: what follows the colon in ``--on``; empty if nothing does.
        at_once: how many parts of a bench may be under way together.
        turn: what the threads of these parts take turns by; None where parts run one at a time.
    """

    name: ClassVar[str]
    address_hint: ClassVar[str] = ""
    flags: ClassVar[frozenset[str]] = frozenset()

    in_process: ClassVar[bool] = True
    travels: ClassVar[bool] = False
    shares_prefix: ClassVar[bool] = True
    keeps_sources: ClassVar[bool] = True
    hosts_models: ClassVar[bool] = False
    runs_grids: ClassVar[bool] = True
    has_workers: ClassVar[bool] = False
    is_dry: ClassVar[bool] = False

    address: str = ""
    at_once: int = 1
    turn: Turn | None = None

    @classmethod
    def at(cls, address: str, flags: Flags) -> Self:
        """The backend that ``--on NAME:ADDRESS`` means.

        Args:
            address: what follows the colon; empty if there is none.
            flags: those given; only fields named in :attr:`flags` differ from their defaults.

        Raises:
            XTransplantError: an address or a flag that cannot be used.
        """
        return cls()

    @property
    def url(self) -> str | None:
        """The server that the manifest of a run names; None where there is none."""
        return None

    def __str__(self) -> str:
        """As ``--on`` takes it."""
        return f"{self.name}:{self.address}" if self.address else self.name

    def check(self) -> None:
        """Look whether it can be used from here, without the network.

        Raises:
            XTransplantError: a package is missing, or its address may not be asked.
        """

    def reporting(self, say: Say | None, *, attempts: int | None = None) -> Self:
        """The same backend, for one user.

        Args:
            say: called with a line for each status of a job, and for each new attempt.
            attempts: how often what may succeed later is tried; None for the backend's default.
        """
        return self

    def remembering(self, path: Path) -> Self:
        """The same backend, with the ids of its jobs kept in a file until their work is stored."""
        return self

    def session(self, nn: Any, name: str, asked: tuple[Any, ...]) -> dict[str, Any]:
        """Keyword arguments for ``nn.session(...)``, so that it runs there.

        Of what a session saves, only the variable ``found`` comes back where it travels.

        Args:
            nn: the nnsight wrapper of the model.
            name: repository or folder of the model.
            asked: all that the session depends on besides the model and the code in it.

        Raises:
            XTransplantError: it may not be asked.
        """
        return {}

    def revision_of(self, name: str, revision: str | None) -> str | None:
        """Which revision of a model is deployed there; None where none is or that is not known."""
        return None

    def deployed(self) -> list[dict[str, str]]:
        """Repository (``model``), ``revision`` and ``state`` of every model that is deployed.

        Raises:
            XTransplantError: it cannot be reached, or answers with something else.
        """
        return []

    def examine(self, model: str | None) -> list[Finding]:
        """Look whether it, and a model there, can be used from here.

        Without the first two findings nothing can be run.

        Args:
            model: repository to look for; None for the backend alone.
        """
        return []

    def run_workers(
        self,
        work: Callable[..., None],
        arguments: tuple[Any, ...],
        *,
        look: Callable[[], None],
        say: Say | None = None,
    ) -> None:
        """Call ``work(*arguments)`` in each of several processes until all have returned.

        Args:
            work: called again in the place of a process that died.
            arguments: what it is called with; they are pickled.
            look: called about twice a second meanwhile.
            say: called with a line when workers start, and when one dies.

        Raises:
            XTransplantError: they cannot be started, keep dying, or ``work`` raised it.
        """
        raise NotImplementedError(f"{self} has no workers")
