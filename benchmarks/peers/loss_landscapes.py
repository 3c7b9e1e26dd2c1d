"""loss-landscapes 3.0.6: `planar_interpolation` between a corner and two end points.

The directions come in as end points: the start is the corner at (-span, -span), and an end lies
`steps` steps from it, since the step is (end - start) / steps. We place the ends so that
`start + i dir_one + j dir_two` for i, j in range(steps), which its source states, is our grid.

What it visits is not that. Its walk adds `dir_two` before each value of an even column and
subtracts it before each value of an odd one, which it stores from the other end. So an even
column holds j + 1 steps in place of j: its values sit one step too low. Alpha is the first axis.
"""

import time

import numpy as np
import torch
from loss_landscapes import planar_interpolation
from loss_landscapes.metrics import Loss
from torch import nn

from peers.work import Evaluation, Work, answer, lattice


def evaluate(work: Work) -> Evaluation:
    metric = Loss(work.mean_loss, work.inputs, work.targets)
    start, end_one, end_two = corners(work)
    began = time.perf_counter()
    values = planar_interpolation(start, end_one, end_two, metric, steps=work.steps)
    seconds = time.perf_counter() - began
    claimed = lattice(work.ticks(), work.ticks())
    visited = claimed.copy()
    visited[1, ::2] += 2 * work.span / (work.steps - 1)
    return Evaluation(
        seconds=seconds,
        values=values,
        claimed=claimed,
        visited=visited,
        axes=work.axes(),
        genuine=np.full(values.shape, fill_value=True),
    )


def corners(work: Work) -> list[nn.Module]:
    """Networks at the lowest corner, and `steps` steps from it along either direction."""
    far = work.span * (work.steps + 1) / (work.steps - 1)
    near = -work.span
    return [moved(work, *at) for at in ((near, near), (far, near), (near, far))]


@torch.no_grad()
def moved(work: Work, alpha: float, beta: float) -> nn.Module:
    network = work.network()
    for parameter, one, two in zip(network.parameters(), *work.directions, strict=True):
        parameter += alpha * one + beta * two
    return network


if __name__ == "__main__":
    answer(evaluate, "loss-landscapes")
