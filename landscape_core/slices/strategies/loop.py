"""One point after another, through the network and the loss as they are: the plain evaluation."""

from dataclasses import dataclass
from typing import Annotated

from landscape_core.foundation.recipes import Knob
from landscape_core.models.block_size import block_memory
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.reading import Reader, Reading
from landscape_core.slices.strategies.base import Strategy


@dataclass(frozen=True, kw_only=True)
class Loop(Strategy):
    """Evaluates any network, a point at a time."""

    block: Annotated[
        int, Knob(0, 2**31, "examples evaluated together; 0: as many as memory allows")
    ] = 0

    def applies(self, reading: Reading) -> bool:
        del reading
        return True

    def memory(self, reading: Reading) -> int:
        return block_memory(reading.objective, self.block, gradient=reading.wants_gradient)

    def reader(self, reading: Reading) -> Reader:
        return point_by_point(reading, self.evaluation(reading))

    def evaluation(self, reading: Reading) -> PlainEvaluation:
        """The plain evaluation of what is read."""
        return PlainEvaluation(
            reading.objective,
            self.block,
            seed=reading.seed,
            tf32=reading.tf32,
            measures=reading.functions,
        )
