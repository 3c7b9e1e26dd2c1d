"""Over-parameterized deep ReLU networks: Zou, Cao, Zhou, Gu, 2018, arXiv:1811.08888.

Hidden layers of width m without bias, with weights N(0, 2/m), are trained by gradient descent on
the logistic loss; the output weights, half +1 and half −1, stay. The tangent Gram matrix
K = Σₗ (δₗδₗᵀ) ∘ (hₗ₋₁hₗ₋₁ᵀ), with the gradients δₗ of the output in the pre-activations of layer l,
sets the step size, and its change is the drift of the kernel.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor
from torch.nn.functional import logsigmoid

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Guide, Paths
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs._slopes import slope
from landscape_core.labs.base import Lab

EXAMPLES, INPUTS, NARROWEST = 40, 20, 32
STEPS = 400
SAFETY = 0.5
"""The step size is SAFETY/(λmax(K₀/n)/4), a quarter of the largest stable one of the linearized
network."""
RECORDED = np.unique(np.r_[0, np.geomspace(1, STEPS, 30).round().astype(int)])

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Overparametrized(Lab):
    """Networks of growing width fit random labels; the wider, the less their weights move."""

    label: ClassVar[str] = "Over-parameterized networks"
    family: ClassVar[str] = "Width"
    question: ClassVar[str] = (
        "How far do the weights of a wide network move until it fits its data?"
    )
    claim: ClassVar[str] = (
        "From a Gaussian initialization, gradient descent reaches zero training error on any"
        " labels, and its iterates stay in a ball around the initialization that is the smaller"
        " the wider the network."
    )
    shows: ClassVar[str] = (
        "The relative movement of layers falls about like one over the root of the width, and"
        " so do the fraction of flipped activations and the drift of the tangent kernel. Narrow"
        " networks fit the labels too: width shows in how far weights move, not in success. The"
        " widths of the theorem are astronomically greater. After equal steps wide networks have a"
        " higher loss, so that a part of the difference is how far each network got."
    )
    source: ClassVar[str] = (
        "Zou, Cao, Zhou, Gu, Stochastic Gradient Descent Optimizes Over-parameterized Deep ReLU"
        " Networks, 2018, arXiv:1811.08888"
    )
    seconds: ClassVar[float] = 8.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "slope of the logarithm of the relative movement, the mean over layers, over that of the"
        " width",
        "at most",
        -0.4,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "The settings and the bound were stated before, for widths up to 1024; the default ends at"
        " 256 to take seconds. How layers are combined matters: on seed 0 the slope is −0.8 for all"
        " weights as one vector, and −0.35 for the first layer alone, whose number of inputs does"
        " not grow."
    )
    pictures: ClassVar = (
        Curves(
            title="Change during training",
            x="width",
            y=("movement", "flips", "drift"),
            x_label="width",
            y_label="relative change",
            x_scale="log",
            y_scale="log",
            markers=True,
            guides=(Guide(label="slope −½", slope=-0.5),),
        ),
        Paths(
            title="Paths from the initialization, in units of its norm",
            x="path_x",
            y="path_y",
            along="step",
            by="width",
            x_label="towards the last iterate",
            y_label="largest deviation from the straight line",
        ),
        Curves(
            title="Loss",
            x="step",
            y=("loss",),
            by="width",
            x_label="step",
            y_label="logistic loss",
            x_scale="symlog",
            y_scale="log",
        ),
    )

    widest: Annotated[
        int, Knob(64, 1024, "greatest width; the others are 32 and its doubles", scale="log")
    ] = 256
    depth: Annotated[int, Knob(1, 6, "number of hidden layers")] = 3
    labels: Annotated[
        str, Choice(("random", "linear"), "random labels, or those of a linear classifier")
    ] = "random"
    output_scale: Annotated[
        float, Knob(0.1, 10.0, "factor α on the output; greater: less movement", scale="log")
    ] = 1.0

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the widths one after the other on the same data."""
        inputs, labels = examples(seed, self.labels)
        found = self._empty()
        for number, width in enumerate(found["width"].values.tolist()):
            drawn = stream(seed, "init", width)
            weights = start(drawn, width, self.depth)
            network = Network(width, self.output_scale)
            first, kernel = weights, network.kernel(weights, inputs)
            rate = SAFETY * 4 * EXAMPLES / float(torch.linalg.eigvalsh(kernel)[-1])
            path = []
            for step in range(STEPS + 1):
                at = int(np.searchsorted(RECORDED, step))
                loss, slopes = network.loss_and_gradient(weights, inputs, labels)
                if RECORDED[at] == step:
                    found["loss"].values[number, at] = loss
                    path.append(torch.cat([each.flatten() for each in weights]))
                    yield _finished(found)
                weights = [w - rate * slope for w, slope in zip(weights, slopes, strict=True)]
            path_x, path_y = projected(torch.stack(path))
            found["path_x"].values[number], found["path_y"].values[number] = path_x, path_y
            changes = network.changes(first, weights, inputs, kernel)
            for name, change in changes.items():
                found[name].values[number] = change
            yield _finished(found)

    def _empty(self) -> xr.Dataset:
        doubles = NARROWEST * 2 ** np.arange(int(math.log2(self.widest / NARROWEST)) + 1)
        widths = np.unique(np.append(doubles, self.widest))

        def nothing(*shape: int) -> Array:
            return np.full(shape, math.nan)

        both = (len(widths), len(RECORDED))
        return xr.Dataset(
            {
                "movement": (
                    "width",
                    nothing(len(widths)),
                    {"label": "weights, mean over layers"},
                ),
                "flips": ("width", nothing(len(widths)), {"label": "flipped activations"}),
                "drift": ("width", nothing(len(widths)), {"label": "tangent kernel"}),
                "loss": (("width", "step"), nothing(*both)),
                "path_x": (("width", "step"), nothing(*both)),
                "path_y": (("width", "step"), nothing(*both)),
            },
            {"width": widths, "step": RECORDED},
        )


def examples(seed: int, labels: str) -> tuple[Tensor, Tensor]:
    """Inputs of length 1, (40, 20), and labels ±1, (40,)."""
    drawn = stream(seed, "data")
    inputs = torch.randn(EXAMPLES, INPUTS, generator=drawn, dtype=torch.float64)
    inputs = inputs / inputs.norm(dim=1, keepdim=True)
    if labels == "linear":
        return inputs, inputs[:, 0].sign()
    return inputs, 1.0 - 2.0 * torch.randint(2, (EXAMPLES,), generator=drawn).double()


def start(drawn: torch.Generator, width: int, depth: int) -> list[Tensor]:
    """Weights of the hidden layers, N(0, 2/width)."""
    sizes = [INPUTS] + [width] * depth
    scale = (2 / width) ** 0.5
    return [
        scale * torch.randn(width, fan_in, generator=drawn, dtype=torch.float64)
        for fan_in in sizes[:-1]
    ]


class Network:
    """f(x) = α Σⱼ vⱼ h_L(x)ⱼ with fixed v: half +1, half −1."""

    def __init__(self, width: int, output_scale: float) -> None:
        signs = torch.ones(width, dtype=torch.float64)
        signs[width // 2 :] = -1
        self.output = output_scale * signs

    def hidden(self, weights: list[Tensor], inputs: Tensor) -> list[Tensor]:
        """The inputs and the activations of each hidden layer, (N, width)."""
        found = [inputs]
        for weight in weights:
            found.append((found[-1] @ weight.T).relu())
        return found

    def backward(self, weights: list[Tensor], hidden: list[Tensor]) -> list[Tensor]:
        """The gradient of each output in the pre-activations of each layer, (N, width)."""
        found = [self.output * (hidden[-1] > 0)]
        for weight, values in zip(weights[:0:-1], hidden[-2:0:-1], strict=True):
            found.append((found[-1] @ weight) * (values > 0))
        return found[::-1]

    def kernel(self, weights: list[Tensor], inputs: Tensor) -> Tensor:
        """The tangent Gram matrix K (N, N)."""
        hidden = self.hidden(weights, inputs)
        found = torch.zeros(len(inputs), len(inputs), dtype=inputs.dtype)
        for delta, values in zip(self.backward(weights, hidden), hidden, strict=False):
            found += (delta @ delta.T) * (values @ values.T)
        return found

    def loss_and_gradient(
        self, weights: list[Tensor], inputs: Tensor, labels: Tensor
    ) -> tuple[float, list[Tensor]]:
        """The mean logistic loss, and its gradient in each layer's weights."""
        hidden = self.hidden(weights, inputs)
        margin = labels * (hidden[-1] @ self.output)
        outer = (-labels * (-margin).sigmoid() / len(labels))[:, None]
        backward = self.backward(weights, hidden)
        slopes = [
            (outer * slope).T @ values for slope, values in zip(backward, hidden, strict=False)
        ]
        return float(-logsigmoid(margin).mean()), slopes

    def changes(
        self, first: list[Tensor], last: list[Tensor], inputs: Tensor, kernel: Tensor
    ) -> dict[str, float]:
        """Mean relative movement of a layer, fraction of flipped activations, kernel drift."""
        moved = [float((b - a).norm() / a.norm()) for a, b in zip(first, last, strict=True)]
        before, after = (self.hidden(each, inputs)[1:] for each in (first, last))
        flipped = [((a > 0) != (b > 0)).double().mean() for a, b in zip(before, after, strict=True)]
        drift = (self.kernel(last, inputs) - kernel).norm() / kernel.norm()
        return {
            "movement": sum(moved) / len(moved),
            "flips": float(torch.stack(flipped).mean()),
            "drift": float(drift),
        }


def projected(path: Tensor) -> tuple[Array, Array]:
    """A path (T, P) on the plane of its last move and its largest deviation from that line.

    Coordinates are in units of the first point's norm.
    """
    moves = (path - path[0]) / path[0].norm()
    along = moves[-1] / moves[-1].norm()
    first = moves @ along
    left = moves - first[:, None] * along
    values, vectors = torch.linalg.eigh(left @ left.T)
    second = vectors[:, -1] * values[-1].clamp(min=0).sqrt()
    second = second * (-1 if second[second.abs().argmax()] < 0 else 1)
    return first.numpy(), second.numpy()


def _finished(found: xr.Dataset) -> xr.Dataset:
    effect = slope(found["width"].values, found["movement"].values)
    return found.copy(deep=True).assign(effect=effect)
