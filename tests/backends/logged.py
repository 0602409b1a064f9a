"""A backend in one file: this process, with the size of every block that a server would be sent."""

from dataclasses import dataclass
from typing import Any

from nnsight.schema.request import RequestModel
from nnsight.tracing.backend import Backend as Execution

from xtransplant.backends.protocol import Backend

sizes: list[int] = []


@dataclass(frozen=True)
class Logged(Backend):
    """Blocks are serialized, which shows what would not travel, and run here."""

    name = "logged"
    travels = True  # functions are checked before, results after
    shares_prefix = False  # a replaced attention function would not be part of a block
    keeps_sources = False  # what is read of a source prompt would stay there

    def session(self, nn: Any, name: str, asked: tuple[Any, ...]) -> dict[str, Any]:
        execute = Execution()

        def run(tracer: Any) -> Any:
            sizes.append(len(RequestModel.serialize(tracer)))
            return execute(tracer)

        return {"backend": run}
