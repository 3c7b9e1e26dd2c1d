"""loss-landscape-anim 0.1.10: its `LossGrid` around the end of a path, with our directions.

The side has an even number of points, 2 res, from -res to res - 1 steps, so for an odd number we
ask for one point more: compare evaluations a second. The step is 1.3 / res times the distance
between the ends of the path, so a path of two points gives the step that we want. The points are
made anew from the centre, where the tool claims them; it hands out the transpose, so alpha is the
second axis. The network is wrapped in the `GenericModel` that its README asks for. As in
the tool's own call, gradients are not switched off.

The package imports torchvision for its MNIST example alone; where torchvision is not installed an
empty module stands in for it, which nothing here uses.
"""

import importlib.util
import sys
import time
from types import ModuleType

import numpy as np
import pytorch_lightning  # noqa: F401  (before the stand-in, which it must not find)
import torch
from torch import Tensor

from peers.work import Evaluation, Work, answer, lattice

MARGIN = 0.3

if importlib.util.find_spec("torchvision") is None:
    for name, content in (("torchvision", "transforms"), ("torchvision.datasets", "MNIST")):
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], content, None)

from loss_landscape_anim import GenericModel, LossGrid  # noqa: E402


class Wrapped(GenericModel):
    """A network as the tool wants it."""

    def __init__(self, work: Work) -> None:
        super().__init__(optimizer="sgd", learning_rate=0.1)
        self.network = work.network()
        self.mean_loss = work.mean_loss

    def forward(self, inputs: Tensor) -> Tensor:
        return self.network(inputs)

    def loss_fn(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.mean_loss(outputs, targets)


def evaluate(work: Work) -> Evaluation:
    model = Wrapped(work)
    centre = model.get_flat_params().detach()
    half = (work.steps + 1) // 2
    step = 2 * work.span / (work.steps - 1)
    length = half * step / (1 + MARGIN)
    directions = [torch.cat([part.reshape(-1) for part in one]) for one in work.directions]
    began = time.perf_counter()
    grid = LossGrid(
        optim_path=[centre, centre],
        model=model,
        data=(work.inputs, work.targets),
        path_2d=np.array([[length, 0.0], [0.0, 0.0]]),
        directions=directions,
        res=half,
        save_grid=False,
    )
    seconds = time.perf_counter() - began
    claimed = lattice(*grid.coords).transpose(0, 2, 1)
    ticks = step * np.arange(-half, half)
    return Evaluation(
        seconds=seconds,
        values=grid.loss_values_2d,
        claimed=claimed,
        visited=lattice(ticks, ticks).transpose(0, 2, 1),
        axes=work.axes(),
        genuine=np.full(grid.loss_values_2d.shape, fill_value=True),
    )


if __name__ == "__main__":
    answer(evaluate, "loss-landscape-anim")
