"""One point after another, through the network as it is."""

from dataclasses import dataclass
from typing import Annotated

from landscape_core.foundation.recipes import Knob
from landscape_core.models.layer_chain import work_in_place
from landscape_core.slices.strategies._in_place import InPlaceNetwork, block_memory, point_by_point
from landscape_core.slices.strategies.base import Reader, Reading, Strategy


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
        return block_memory(reading, self.block)

    def reader(self, reading: Reading) -> Reader:
        swift = InPlaceNetwork(reading.objective, self.block)
        work_in_place(swift.network)
        return point_by_point(reading, swift)
