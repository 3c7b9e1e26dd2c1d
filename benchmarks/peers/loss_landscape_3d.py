"""loss-landscape-3d 0.1.3: `LossLandscapeCalculator.calculate` with our directions and sides.

It is handed a list of one batch in the place of a data loader. Each point is made anew from the
centre, so it visits what it claims; alpha is the first axis.
"""

import time

import numpy as np
from loss_landscape_3d import LossLandscapeCalculator
from torch import Tensor, nn

from peers.work import Evaluation, Work, answer, lattice


def evaluate(work: Work) -> Evaluation:
    network = work.network()
    first, second = (named(network, direction) for direction in work.directions)
    ticks = work.ticks()
    calculator = LossLandscapeCalculator(network, work.batches(), work.mean_loss)
    began = time.perf_counter()
    values = calculator.calculate(ticks, ticks, first, second, center_state=work.state)
    seconds = time.perf_counter() - began
    coordinates = lattice(ticks, ticks)
    return Evaluation(
        seconds=seconds,
        values=values,
        claimed=coordinates,
        visited=coordinates,
        axes=work.axes(),
        genuine=np.full(values.shape, fill_value=True),
    )


def named(network: nn.Module, direction: list[Tensor]) -> dict[str, Tensor]:
    names = [name for name, _ in network.named_parameters()]
    return dict(zip(names, direction, strict=True))


if __name__ == "__main__":
    answer(evaluate, "loss-landscape-3d")
