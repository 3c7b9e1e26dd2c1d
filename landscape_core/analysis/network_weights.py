"""The first layer of a network as images: weights of units, or filters and their maps."""

import math
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.misread import misread
from landscape_core.analysis.network_dataset import (
    MOST_UNITS,
    Column,
    NetworkPoint,
    column,
    network_dataset,
)
from landscape_core.analysis.unit_layers import LayerReader, UnitLayer
from landscape_core.models.datasets.base import Split
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance


class WeightsView:
    """The weights of the first layer, and the misread examples of a classifier."""

    def __init__(
        self,
        instance: Instance,
        objective: ModelObjective,
        data: Split,
        image_shape: tuple[int, int] | None,
    ) -> None:
        """Copy the network; vectors of pixels are laid out in rows and columns."""
        self._instance, self._objective = instance, objective
        vectors = image_shape is not None and data.input_shape == (math.prod(image_shape),)
        self._shape = image_shape if image_shape and vectors else data.input_shape
        self._inputs = (data.test if len(data.test.inputs) else data.train).inputs
        self._reader = LayerReader(objective)

    def at(self, point: NetworkPoint) -> xr.Dataset:
        """The dataset of the kind `weights`, `filters` of a convolution, or `misread` of neither.

        `pattern` (unit, row, column) are the weights of the first units, laid out as the input is,
        or the filters; the mean over the channels. `map` are the activations of these units on
        `input`, the first example. Where there are classes, the misread examples are added.
        """
        columns: dict[str, Column] = {}
        kind, attrs = "misread", self._misread(point, columns)
        if self._reader.layers and self._reader.layers[0].weight is not None:
            first = self._inputs[:1].to(self._objective.start)
            values = self._reader.at(point.theta, point.buffers, first)[0]
            kind = self._first(self._reader.layers[0], values, columns, attrs)
        if not columns:
            words = "The first layer of this network is not read, and there are no classes."
            return network_dataset("nothing", {}, why=words)
        return network_dataset(kind, columns, **attrs)

    def _first(
        self, layer: UnitLayer, values: Tensor, columns: dict[str, Column], attrs: dict[str, Any]
    ) -> str:
        """Add the first layer; the kind that this makes of the dataset."""
        weight, bias = layer.weight, layer.bias
        assert weight is not None  # asked before
        pattern = self._laid_out(weight[:MOST_UNITS].detach())
        known = torch.full((len(pattern),), torch.nan) if bias is None else bias[: len(pattern)]
        columns["pattern"] = column(
            ("unit", "row", "column"), pattern.mean(1), "1", "weights, mean over the channels"
        )
        columns["bias"] = column(("unit",), known, "1", "bias")
        attrs |= {
            "units": len(weight), "function": layer.activation, "channels": pattern.shape[1],
            "weight_tensor": layer.tensors[0], "bias_tensor": layer.tensors[1],
            "flat": int(weight.ndim == 2),
        }  # fmt: skip
        if weight.ndim != 4:
            return "weights"
        columns["map"] = column(
            ("unit", "map_row", "map_column"), values[0, : len(pattern)], "1", "activation"
        )
        image = ("channel", "pixel_row", "pixel_column")
        columns["input"] = column(
            image, self._inputs[0].reshape(_image(self._shape)), "1", "first example"
        )
        return "filters"

    def _laid_out(self, weight: Tensor) -> Tensor:
        """The weights of each unit as (units, channels, rows, columns)."""
        if weight.ndim == 4:
            return weight
        flat = weight.flatten(1)
        if flat.shape[1] == math.prod(self._shape):
            return flat.reshape(len(flat), *_image(self._shape))
        return flat[:, None, None]

    def _misread(self, point: NetworkPoint, columns: dict[str, Column]) -> dict[str, Any]:
        """Add the misread examples of a classifier; the attributes that say how many there are."""
        found = misread(self._instance, point.theta, point.buffers)
        if found is None:
            return {}
        assert self._instance.data is not None  # of a classifier
        inputs = getattr(self._instance.data, found.split).inputs[found.index.cpu()]
        shape = _image(self._shape)
        pixels = ("example", "channel", "pixel_row", "pixel_column")
        per = ("example",)
        columns |= {
            "misread_index": column(per, found.index, "1", "position in the data"),
            "misread_label": column(per, found.label, "1", "label"),
            "misread_as": column(per, found.predicted, "1", "predicted class"),
            "misread_probability": column(per, found.probability, "1", "of the predicted class"),
            "label_probability": column(per, found.label_probability, "1", "of the label"),
            "misread_input": column(pixels, inputs.reshape(-1, *shape), "1", "misread example"),
        }
        return {"misread": found.count, "examined": found.examined, "split": found.split}


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """An input's shape as (channels, rows, columns): a vector is one row."""
    channels = shape[0] if len(shape) == 3 else 1
    rows = shape[-2] if len(shape) > 1 else 1
    return channels, rows, math.prod(shape) // (channels * rows)
