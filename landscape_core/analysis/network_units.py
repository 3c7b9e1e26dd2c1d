"""Units on one or two inputs: what each responds to over the input space, and its weights."""

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.decision_boundary import input_axes
from landscape_core.analysis.network_dataset import (
    MOST_UNITS,
    Column,
    NetworkPoint,
    column,
    network_dataset,
)
from landscape_core.analysis.unit_layers import LayerReader
from landscape_core.models.datasets.base import Split
from landscape_core.models.network_objective import ModelObjective

RESOLUTION = {1: 48, 2: 24}
"""Points along each axis of the inputs, by the number of inputs."""

MOST_LAYERS = 6
"""Layers that are shown: the first ones and the last, which gives the outputs."""


class UnitsView:
    """The activations of the units over the input plane, or along a single input."""

    def __init__(self, objective: ModelObjective, data: Split) -> None:
        """Lay a lattice over the inputs, as far as the decision boundary is drawn."""
        count = data.input_shape[0]
        sides = input_axes(data, RESOLUTION[count])
        mesh = np.stack([axis.ravel() for axis in np.meshgrid(*sides)], axis=1)
        self._objective, self._reader = objective, LayerReader(objective)
        self._inputs = torch.from_numpy(mesh).to(objective.start)
        self._shape = tuple(len(axis) for axis in reversed(sides))
        self._coords = dict(zip(("x", "y"), sides, strict=False))

    def at(self, point: NetworkPoint) -> xr.Dataset:
        """The dataset of the kind `plane` for two inputs, `curves` for one.

        `activation` (layer, unit, y, x) are those of the first units of each layer, normalized and
        with the activation `function`; the last layer gives the outputs. `weight` (layer, unit,
        source) leads from the layer before, or from the inputs; NaN where there is none, or more
        than one, as through a residual block. A network that is no chain of layers has the last
        layer only.
        """
        values = self._read(point)
        count = len(values)
        shown = [*range(min(count, MOST_LAYERS) - 1), count - 1]
        units = min(MOST_UNITS, max(values[i].shape[1] for i in shown))
        activation = np.full((len(shown), units, *self._shape), np.nan)
        for row, i in zip(activation, shown, strict=True):
            few = values[i][:, :units]
            row[: few.shape[1]] = few.T.reshape(-1, *self._shape).double().numpy(force=True)
        over, both = tuple(range(2, activation.ndim)), ("layer", "unit")
        space = ("y", "x")[2 - len(self._shape) :]
        sizes = [values[i].shape[1] for i in shown]
        columns = {
            "activation": column((*both, *space), activation, "1", "activation of the unit"),
            "lowest": column(both, activation.min(axis=over), "1", "lowest activation"),
            "highest": column(both, activation.max(axis=over), "1", "highest activation"),
            "units": column(("layer",), sizes, "units", "units of the layer"),
            **self._weights(shown, units),
        }
        kind = "plane" if len(self._shape) == 2 else "curves"
        coords = {"layer": [i + 1 for i in shown], **self._coords}
        return network_dataset(
            kind, columns, coords, layers=count, chain=int(count > 1 or self._known)
        )

    @property
    def _known(self) -> bool:
        """Whether the layers are read, and not the outputs alone."""
        return bool(self._reader.layers)

    def _read(self, point: NetworkPoint) -> list[Tensor]:
        """The activations by layer, (N, units); of what is no chain of layers, the outputs only."""
        if self._known:
            found = self._reader.at(point.theta, point.buffers, self._inputs)
            if all(one.ndim == 2 for one in found):
                return list(found)
            return [found[-1]]
        with torch.no_grad():
            part = self._objective.with_buffers(point.buffers)
            return [part.outputs(point.theta, self._inputs).flatten(1)]

    def _weights(self, shown: list[int], units: int) -> dict[str, Column]:
        """Weights, biases and their names in the vector of parameters, by layer."""
        inputs = self._inputs.shape[1]
        weight = np.full((len(shown), units, max(units, inputs)), np.nan)
        bias = np.full((len(shown), units), np.nan)
        names, functions = [("", "")] * len(shown), [""] * len(shown)
        whole = len(shown) == len(self._reader.layers) or len(shown) == MOST_LAYERS
        for row, i in enumerate(shown if self._known and whole else []):
            layer = self._reader.layers[i]
            names[row], functions[row] = layer.tensors, layer.activation
            follows = i == 0 or shown[row - 1] == i - 1
            if layer.weight is not None and layer.weight.ndim == 2 and follows:
                few = _numbers(layer.weight)[:units, : weight.shape[2]]
                weight[row, : few.shape[0], : few.shape[1]] = few
            if layer.bias is not None:
                few = _numbers(layer.bias)[:units]
                bias[row, : len(few)] = few
        both = ("layer", "unit")
        return {
            "weight": column(
                (*both, "source"), weight, "1", "weight from a unit of the layer before"
            ),
            "bias": column(both, bias, "1", "bias"),
            "function": column(("layer",), functions, "1", "activation function"),
            "weight_tensor": column(
                ("layer",), [n[0] for n in names], "1", "tensor of the weights"
            ),
            "bias_tensor": column(("layer",), [n[1] for n in names], "1", "tensor of the biases"),
        }


def _numbers(values: Tensor) -> npt.NDArray[np.float64]:
    return np.asarray(values.detach().double().numpy(force=True))
