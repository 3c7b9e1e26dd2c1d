"""Memory in which layer after layer puts its values."""

from torch import Tensor


class ScratchBuffers:
    """Where layer after layer puts its values: in two pieces of memory of a shape, turn about.

    They stay in the processor's cache, which new memory for each layer would not.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._pieces: dict[tuple[int, ...], Tensor] = {}
        self._within: list[ScratchBuffers] = []

    def place(self, like: Tensor, *shape: int) -> Tensor:
        """A tensor of that shape, not filled, which lasts until the next but one is taken."""
        self._turn = 1 - self._turn
        return self.piece(self._turn, like, *shape)

    def piece(self, turn: int, like: Tensor, *shape: int) -> Tensor:
        """One of the pieces of memory of that shape."""
        found = self._pieces.get((turn, *shape))
        if found is None:
            found = self._pieces[turn, *shape] = like.new_empty(shape)
        return found

    def within(self) -> "ScratchBuffers":
        """Buffers for layers whose values are needed together with others; two that alternate."""
        if not self._within:
            self._within = [ScratchBuffers(), ScratchBuffers()]
        self._within.reverse()
        return self._within[0]
