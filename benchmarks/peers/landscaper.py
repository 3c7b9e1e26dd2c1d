"""landscaper 1.3.1: `LossLandscape.compute` in two dimensions, from our directions.

It rescales what it is given and cannot be told not to: each tensor of a direction to the norm
sqrt(its size), then the whole to the norm of the parameters. So the plane is its own: `axes` are
the rescaled directions, as long as the vector of parameters, and `distance` is chosen so that the
first one reaches as far as ours.

It claims `linspace(-distance, distance, steps)`. But a step is `distance / (steps / 2)`, and the
walk goes `i - steps // 2` of them, so the outermost of an odd number of points lie at
`(steps - 1) / steps` of what it claims. To the largest value it adds noise; that one is not
genuine. Alpha is the first axis.
"""

import time
from collections.abc import Iterable

import numpy as np
from landscaper import LossLandscape
from torch import Tensor, nn

from peers.work import Evaluation, Work, answer, flat, lattice


def evaluate(work: Work) -> Evaluation:
    network = work.network()
    losses: list[float] = []

    def scalar(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
        each = [work.mean_loss(model(x), y).item() for x, y in batches]
        losses.append(sum(each) / len(each))
        return losses[-1]

    size = np.linalg.norm(flat(list(network.parameters())))
    distance = float(work.span * np.linalg.norm(work.axes()[0]) / size)
    began = time.perf_counter()
    landscape = LossLandscape.compute(
        network,
        work.batches(),
        work.directions,
        scalar,
        steps=work.steps,
        distance=distance,
        dim=2,
        device="cpu",
    )
    seconds = time.perf_counter() - began
    ticks = (np.arange(work.steps) - work.steps // 2) * distance / (work.steps / 2)
    return Evaluation(
        seconds=seconds,
        values=landscape.loss,
        claimed=lattice(*landscape.ranges),
        visited=lattice(ticks, ticks),
        axes=np.stack([size * rescaled(direction) for direction in work.directions]),
        genuine=np.reshape(losses, landscape.loss.shape) < max(losses),
    )


def rescaled(direction: list[Tensor]) -> np.ndarray:
    """The direction as the tool takes it, a flat unit vector of shape (P,)."""
    vector = flat([tensor * tensor.numel() ** 0.5 / tensor.norm() for tensor in direction])
    return vector / np.linalg.norm(vector)


if __name__ == "__main__":
    answer(evaluate, "landscaper")
