"""Many points at once, by the algebra that a plane allows.

Along a plane every parameter is affine in the coordinates. So the first layer's product with the
data is computed once for the origin and once for each axis, and at a point it is their combination;
further layers are batched matrix products over the points. This number of points and examples is
computed at a time as stay in the processor's cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.memory import free_memory
from landscape_core.models.block_size import SHARE
from landscape_core.models.network_blocks import Residual
from landscape_core.models.network_objective import ModelObjective
from landscape_core.slices.affine_parameters import TOGETHER, Affine, Rows, in_parts
from landscape_core.slices.layers_on_plane import compiled, known_chain, leading, through
from landscape_core.slices.reading import Reader, Reading, exactly
from landscape_core.slices.scratch_buffers import ScratchBuffers
from landscape_core.slices.strategies.base import Strategy

CACHE_BYTES = 5 * 2**18
"""What the values of one layer may take per thread: near the processor, yet worth a call."""

DEVICE_BYTES = 2**30
"""The same on a graphics card, which wants much at once; less where less of its memory is free."""

EXAMPLES = 128
"""Examples at a time where all of them are many: whole vectors of a processor."""

MOST = 256
"""Points at a time, at most, on a processor."""

OUTPUT_BYTES = 2**26
"""What the outputs of the points at a time may take on all examples, on a processor."""

VECTOR = 16
"""Numbers that a processor computes with at a time, in float32."""


@dataclass(frozen=True, kw_only=True)
class PlaneAlgebra(Strategy):
    """Evaluates multilayer perceptrons, plain or residual, many points at a time."""

    rank: ClassVar[int] = 10

    def applies(self, reading: Reading) -> bool:
        objective = reading.objective
        parts = known_chain(objective.module)
        reestimates = objective.normalizes and objective.batch_norm == "reestimated"
        reestimates = reestimates or reading.moving_buffers is not None
        if parts is None or reading.wants_gradient or reestimates or objective.adapter:
            return False
        first = leading(parts)
        flattens = any(isinstance(part, nn.Flatten) for part in parts[:first])
        flat = flattens or objective.inputs.ndim == 2
        if not flat or first == len(parts) or type(parts[first]) is not nn.Linear:
            return False
        free = free_memory(objective.start.device)
        return _first_bytes(reading) < SHARE * free and self.memory(reading) < free

    def memory(self, reading: Reading) -> int:
        points, sizes = _sizes(reading.objective)
        return _first_bytes(reading) + points * _point_bytes(reading.objective, max(sizes))

    def together(self, reading: Reading) -> int:
        objective = reading.objective
        return _together(_sizes(objective)[0], objective.start.device)

    def reader(self, reading: Reading) -> Reader:
        objective = reading.objective
        chain = known_chain(objective.module)
        if chain is None:
            raise TypeError("plane algebra does not apply to this network")
        first, layers = compiled(chain, objective, Affine(objective, reading.plane))
        points, sizes = _sizes(objective)
        blocks = [Rows(block) for block in _blocks(first, sizes)]
        ends_linear = bool(layers) and type(chain[-1]) is nn.Linear

        def read(coords: Tensor) -> Tensor:
            # Products of few rows round otherwise; filled up, a point's value never depends on how
            # many others it is computed with.
            count = coords.shape[0]
            filled = -count % _together(points, first.device)
            steps = first.new_ones(count + filled, 1 + coords.shape[1])
            steps[:, 1:] = 0
            steps[:count, 1:] = coords
            found = []
            buffers, outputs = ScratchBuffers(), Outputs(sizes)
            places = [buffers] * len(layers)
            if ends_linear:
                places[-1] = outputs
            with exactly(reading):
                for piece in steps.split(_evenly(steps.shape[0], points, first.device)):
                    parts = in_parts(piece)
                    maps = [layer(parts, at) for layer, at in zip(layers, places, strict=True)]
                    for block in blocks:
                        place = buffers.place(first, piece.shape[0], *block.shape)
                        outputs.keep(through(maps, block.at(parts, place)))
                    found.append(reading.values(outputs.joined().transpose(1, 2)))
            return torch.cat(found, dim=1)[:, :count]

        return read


class Outputs(ScratchBuffers):
    """Where the outputs of block after block are kept until they are joined.

    All blocks are of the size of the first but the last, which may be filled up.
    """

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self._sizes = sizes
        self._equal: dict[tuple[int, ...], tuple[Tensor, Sequence[Tensor]]] = {}
        self._kept: list[Tensor] = []

    def place(self, like: Tensor, *shape: int) -> Tensor:
        """Where the outputs on the next block belong."""
        at, many = len(self._kept), len(self._sizes) - 1
        if at < many and shape not in self._equal:
            whole = like.new_empty(many, *shape)
            self._equal[shape] = whole, whole.unbind()
        found = self._equal[shape][1][at] if at < many else self.piece(0, like, *shape)
        self._kept.append(found)
        return found

    def keep(self, values: Tensor) -> None:
        """Keep the outputs on a block, if they are not in their place already."""
        if not self._kept or self._kept[-1] is not values:
            self.place(values, *values.shape).copy_(values)

    def joined(self) -> Tensor:
        """The outputs (K, C, N) on all examples; then the next points may follow."""
        first, last = self._kept[0], self._kept[-1]
        self._kept = []
        if len(self._sizes) == 1:
            return last
        whole, _ = self._equal[first.shape]
        many, each = len(whole), first.shape[2]
        found = last.new_empty(*last.shape[:2], sum(self._sizes))
        found[..., : many * each].unflatten(2, (many, each)).copy_(whole.permute(1, 2, 0, 3))
        found[..., many * each :].copy_(last[..., : self._sizes[-1]])
        return found


def _together(points: int, device: torch.device) -> int:
    """How many points are computed at a time, at least, where `points` are at most."""
    return min(points, TOGETHER * (torch.get_num_threads() if device.type == "cpu" else 1))


def _evenly(count: int, points: int, device: torch.device) -> int:
    """How many points at a time, so that no rest is small; a multiple of what goes together."""
    times, together = -(-count // points), _together(points, device)
    return -(-count // (times * together)) * together


def _first_bytes(reading: Reading) -> int:
    """What the first layer's products with the data take."""
    width = max(p.shape[0] for p in reading.objective.module.parameters())
    values = (1 + reading.plane.dimensions) * width * reading.objective.examples
    return values * reading.objective.start.element_size()


def _blocks(first: Tensor, sizes: list[int]) -> list[Tensor]:
    """Blocks of n examples, each (1 + D, C, n); of several the last is filled up with zeros."""
    pieces = list(first.split(sizes, dim=2))
    if len(pieces) > 1:
        pieces[-1] = torch.nn.functional.pad(pieces[-1], (0, -sizes[-1] % VECTOR))
    return [piece.contiguous() for piece in pieces]


def _sizes(objective: ModelObjective) -> tuple[int, list[int]]:
    """How many points are computed at a time, and of how many of their examples."""
    widths = _widths(objective)
    weights = max(p.numel() for p in objective.module.parameters())
    total, each = objective.examples, objective.start.element_size()
    if objective.start.device.type != "cpu":
        most = DEVICE_BYTES // (max(total * max(widths), weights) * each)
        free = int(SHARE * free_memory(objective.start.device))
        return max(1, min(most, free // _point_bytes(objective, total))), [total]
    whole = objective.normalizes and objective.batch_norm == "batch"
    blocks = 1 if whole or total <= 4 * EXAMPLES else total // EXAMPLES
    sizes = [EXAMPLES] * (blocks - 1)
    sizes.append(total - sum(sizes))
    threads = torch.get_num_threads()
    one = max(sizes[0] * max(widths), weights) * each
    outputs = total * widths[-1] * each
    points = min(MOST, CACHE_BYTES * threads // one, OUTPUT_BYTES // outputs)
    together = TOGETHER * threads
    return (points // together * together or max(1, points // threads) * threads), sizes


def _point_bytes(objective: ModelObjective, size: int) -> int:
    """What a point takes of which so many examples are computed at a time."""
    widths = _widths(objective)
    residual = any(isinstance(part, Residual) for part in objective.module.modules())
    pieces = (6 if residual else 2) * sum(set(widths)) * size
    values = pieces + 3 * widths[-1] * objective.examples
    return (values + objective.start.numel()) * objective.start.element_size()


def _widths(objective: ModelObjective) -> list[int]:
    """The outputs of each linear layer."""
    return [p.shape[0] for p in objective.module.parameters() if p.ndim == 2]
