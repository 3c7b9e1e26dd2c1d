"""What a network says over its input space, where that has one or two dimensions."""

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector
from landscape_core.models.datasets.base import Data, Split
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.losses.base import Loss
from landscape_core.models.network_objective import ModelObjective

MARGIN = 0.15
"""How far the picture reaches beyond the data, as a fraction of their extent."""


def drawable(data: Split | None) -> bool:
    """Whether inputs have one or two dimensions."""
    if data is None or not data.train.inputs.is_floating_point():
        return False
    return data.input_shape in ((1,), (2,))


def scattered(data: Split, limit: int = 400) -> xr.Dataset:
    """The first examples of both splits: x and y of each point (or x and target), its class."""
    train, test = (_coordinates(part, data.classes, limit) for part in (data.train, data.test))
    both = {name: np.concatenate([train[name], test[name]]) for name in train}
    split = ["train"] * len(train["x"]) + ["test"] * len(test["x"])
    return xr.Dataset(
        {name: ("point", values) for name, values in both.items()} | {"split": ("point", split)}
    )


@public_call
def boundary(
    objective: ModelObjective, theta: Vector, data: Split, resolution: int = 60
) -> xr.Dataset:
    """The network's answer over the data's extent.

    Two input dimensions: `score` (y, x), the probability of class 1 for two classes, else the
    predicted class, and `confidence` (y, x), the probability of the answer. One: `output` (x).
    """
    sides = input_axes(data, resolution)
    mesh = np.stack([axis.ravel() for axis in np.meshgrid(*sides)], axis=1)
    with torch.no_grad():
        outputs = objective.outputs(theta, torch.from_numpy(mesh).to(theta))
    if len(sides) == 1:
        return xr.Dataset({"output": ("x", outputs[:, 0].numpy(force=True))}, {"x": sides[0]})
    shape = (resolution, resolution)
    score, confidence = _scores(outputs, data.classes, objective.loss_function)
    return xr.Dataset(
        {
            "score": (("y", "x"), score.reshape(shape).numpy(force=True)),
            "confidence": (("y", "x"), confidence.reshape(shape).numpy(force=True)),
        },
        {"x": sides[0], "y": sides[1]},
        {"classes": data.classes or 0},
    )


def input_axes(data: Split, resolution: int) -> list[npt.NDArray[np.float64]]:
    """The coordinates of a lattice over the data's extent and a margin, by input."""
    return [_side(data, i, resolution) for i in range(data.input_shape[0])]


def _scores(
    outputs: torch.Tensor, classes: int | None, loss: LossFunction
) -> tuple[torch.Tensor, torch.Tensor]:
    if classes is None or not isinstance(loss, Loss):
        return outputs[:, 0], torch.ones_like(outputs[:, 0])
    probabilities = loss.probabilities(outputs)
    confidence, answer = probabilities.max(dim=1)
    return (probabilities[:, 1] if classes == 2 else answer), confidence


def _side(data: Split, axis: int, resolution: int) -> npt.NDArray[np.float64]:
    values = data.train.inputs[:, axis]
    low, high = float(values.min()), float(values.max())
    more = MARGIN * (high - low)
    return np.linspace(low - more, high + more, resolution)


def _coordinates(data: Data, classes: int | None, limit: int) -> dict[str, npt.NDArray[np.float64]]:
    inputs = data.inputs[:limit].double().numpy(force=True)
    targets = data.targets[:limit].double().numpy(force=True)
    while targets.ndim > 1:
        targets = targets[:, 0]
    if inputs.shape[1] == 1:
        return {"x": inputs[:, 0], "y": targets, "target": np.zeros(len(inputs))}
    shown = targets if classes is not None else np.zeros(len(inputs))
    return {"x": inputs[:, 0], "y": inputs[:, 1], "target": shown}
