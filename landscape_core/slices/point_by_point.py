"""Reading a network at one point after another."""

import math

import torch
from torch import Tensor

from landscape_core.foundation.precision import full_precision
from landscape_core.models.draw_error import DrawError
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.points_in_turn import in_turn
from landscape_core.slices.reading import Reader, Reading


def point_by_point(reading: Reading, network: PlainEvaluation) -> Reader:
    """The reader that takes a network to one point after another."""
    if network.measures:  # which see the point's parameters
        reading = reading.calling(network.measures)
    plane, moving, rows = reading.plane, reading.moving_buffers, reading.rows
    wants_gradient, several = reading.wants_gradient, reading.draws > 1
    traced = not (wants_gradient or moving)

    def drawn(theta: Tensor, draw: int) -> Tensor:
        gradient = network.gradient(theta, draw=draw) if wants_gradient else None
        return network.values(theta, lambda outputs: row_values(outputs, gradient), draw=draw)

    def row_values(outputs: Tensor, gradient: Tensor | None) -> Tensor:
        found = plane.origin.new_empty(rows)
        for row, value in reading.at_point(outputs, gradient, network.loss_of):
            found[row] = value.detach()
        return found

    def at(coord: Tensor) -> Tensor:
        theta = plane.origin + coord @ plane.axes
        network.moved = moving.moved(coord) if moving else {}
        found = drawn(theta, 0)
        if several and network.draws_perhaps:
            rest = [drawn(theta, draw) for draw in range(1, reading.draws)]
            return _averaged(reading, torch.stack([found, *rest]))
        return found

    def read(coords: Tensor) -> Tensor:
        with full_precision(plane.origin.device, tf32=reading.tf32):
            columns = in_turn(network, at, list(coords.to(plane.origin)), traced=traced)
        return torch.stack(columns, dim=1) if columns else coords.new_empty(rows, 0)

    return read


def _averaged(reading: Reading, rows: Tensor) -> Tensor:
    """The means (R,) of the values (draws, R), with the standard error of the loss in its row."""
    found, first = rows.mean(dim=0), 0
    spread = rows.new_zeros(())
    for measure in reading.measures:
        if measure.is_loss:
            spread = rows[:, first].std() / math.sqrt(len(rows))
        if isinstance(measure, DrawError):
            found[first] = spread
        first += measure.size(reading.classes)
    return found
