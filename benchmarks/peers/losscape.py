"""losscape 1.5.10: `create_3D_losscape` with our directions.

It is handed a list of one batch in the place of a data loader, and visits what it claims:
`np.meshgrid` of two sides, alpha along the second axis. The same call draws and saves a contour
plot, which nothing switches off; the time ends with the last loss, before that plot.
"""

import time

import numpy as np
from losscape.create_landscape import create_3D_losscape
from torch import Tensor

from peers.work import Evaluation, Work, answer


def evaluate(work: Work) -> Evaluation:
    network = work.network()
    ends = [0.0]

    def criterion(outputs: Tensor, targets: Tensor) -> Tensor:
        loss = work.mean_loss(outputs, targets)
        ends[0] = time.perf_counter()
        return loss

    began = time.perf_counter()
    X, Y, values = create_3D_losscape(
        network,
        work.batches(),
        directions=work.directions,
        criterion=criterion,
        num_batches=1,
        save_only=True,
        output_h5=False,
        x_min=-work.span,
        x_max=work.span,
        y_min=-work.span,
        y_max=work.span,
        num_points=work.steps,
    )
    seconds = ends[0] - began
    coordinates = np.stack([X, Y])
    return Evaluation(
        seconds=seconds,
        values=values,
        claimed=coordinates,
        visited=coordinates,
        axes=work.axes(),
        genuine=np.full(values.shape, fill_value=True),
    )


if __name__ == "__main__":
    answer(evaluate, "losscape")
