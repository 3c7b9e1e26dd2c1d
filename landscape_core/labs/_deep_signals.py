"""Signals through deep networks at initialization: layers, Jacobians, singular values, mean field.

All layers have one width: h ← s h + c φ(N(Wh + b)), with the skip s and the share c of the branch.
Mean field: Poole et al., 2016, arXiv:1606.05340; Schoenholz et al., 2017, arXiv:1611.01232.

The singular values of a product of fifty matrices span far more orders of magnitude than a double
has digits, so that those of the product itself are rounding errors. Here the product stays factored
as Q D U, where rows of the triangle D U fall off, and Jacobi's method gives all values with small
relative errors (Demmel et al., Linear Algebra and its Applications 299, 1999).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import jacfwd
from torch.nn.utils import skip_init

from landscape_core.models.initializations.base import Initialization
from landscape_core.models.network_blocks import ACTIVATIONS, initialized, normalized
from landscape_core.models.normalizations.base import Normalization

WIDTH = 64
"""Units of each layer, and inputs."""

LOST = 1e-13
"""A direction that one layer makes shorter than this, relative to its longest one, is lost: a ReLU
that is off, or the mean that layer normalization subtracts, up to rounding."""

NODES = 100
"""Points of the Gauss-Hermite rule; an even number, so that none is at the kink of a ReLU."""

SQUARES = np.concatenate([[1e-8], np.geomspace(1e-4, 10.0, 400)])
"""Mean squares q* at which the edge of chaos is computed."""

Floats = npt.NDArray[np.float64]


@final
class Layer(nn.Module):
    """h ← s h + c branch(h)."""

    def __init__(self, branch: nn.Module, skip: float, share: float) -> None:
        """A layer with a factor on its skip and one on its branch."""
        super().__init__()
        self.branch, self.skip, self.share = branch, skip, share
        self.skips = skip != 0  # as initializations of residual networks ask

    def forward(self, hidden: Tensor) -> Tensor:
        """The layer's output, (N, width)."""
        found: Tensor = self.share * self.branch(hidden)
        return self.skip * hidden + found if self.skips else found


@final
@dataclass(frozen=True, kw_only=True)
class Stack:
    """What layers are built of; `skip` is the pair of factors on skip and branch."""

    initialization: Initialization
    normalization: Normalization
    activation: str
    depth: int
    skip: tuple[float, float]

    def network(self, rng: torch.Generator, *, gaussian: bool = False) -> nn.Sequential:
        """Layers in float64; if `gaussian`, with weights of the same variance, but independent."""
        linears = [skip_init(nn.Linear, WIDTH, WIDTH) for _ in range(self.depth)]
        layers = []
        for linear in linears:
            initialized(linear, self.initialization, self.activation, rng)
            activation = ACTIVATIONS[self.activation]()
            parts = [linear, *normalized(self.normalization, WIDTH, 0), activation]
            layers.append(Layer(nn.Sequential(*parts), *self.skip))
        found = nn.Sequential(*layers)
        self.initialization.settle(found, (WIDTH,), rng)
        for linear in linears:
            if gaussian:
                with torch.no_grad():
                    linear.weight.normal_(0.0, scale(linear.weight), generator=rng)
            self.normalization.reparametrize(linear)
        return found.double().requires_grad_(requires_grad=False)


def scale(weight: Tensor) -> float:
    """The root mean square of the entries."""
    return float(weight.detach().square().mean().sqrt())


def plane_point(network: nn.Sequential) -> tuple[float, float]:
    """σ_w and σ_b of a network of layers: weights have the variance σ_w²/width, biases σ_b²."""
    linears = [one for one in network.modules() if isinstance(one, nn.Linear)]
    weights = torch.stack([one.weight.detach() for one in linears])
    biases = torch.stack([one.bias.detach() for one in linears])
    return WIDTH**0.5 * scale(weights), scale(biases)


def signals(network: nn.Sequential, inputs: Tensor, outer: Tensor) -> tuple[list[Tensor], Floats]:
    """The hidden values (N, width) of all layers from the inputs on, and norms of gradients.

    The norms (depth + 1,) are of the gradient of the sum of outputs times `outer`, in the values of
    each layer. Afterwards batch normalization holds the statistics of these inputs.
    """
    held = [one for one in network.modules() if isinstance(one, nn.BatchNorm1d)]
    for one in held:
        one.momentum = 1.0
    hidden = [inputs.clone().requires_grad_()]
    for layer in network.train():
        hidden.append(layer(hidden[-1]))
    slopes = torch.autograd.grad((hidden[-1] * outer).sum(), hidden)
    for one in held:
        if one.running_var is not None:
            one.running_var *= 1 - 1 / len(inputs)  # torch's is unbiased; the layer's is not
    network.eval()
    norms = np.array([float(slope.norm()) for slope in slopes])
    return [values.detach() for values in hidden], norms


def jacobians(network: nn.Sequential, hidden: list[Tensor]) -> Iterator[Tensor]:
    """The Jacobian (width, width) of each layer at the first example; statistics are constant."""
    for layer, values in zip(network, hidden, strict=False):

        def one(value: Tensor, layer: nn.Module = layer) -> Tensor:
            found: Tensor = layer(value[None])[0]
            return found

        yield jacfwd(one)(values[0])


@final
class LongProduct:
    """A product A_l ⋯ A_1 of (n, n) matrices, factored so that small singular values are exact."""

    def __init__(self, size: int, rng: torch.Generator) -> None:
        """The empty product, times a random rotation: no direction of the inputs stands out."""
        drawn = torch.randn(size, size, generator=rng, dtype=torch.float64)
        self._columns = torch.linalg.qr(drawn).Q
        self._triangle, self._logarithm = torch.eye(size, dtype=torch.float64), 0.0

    def extend(self, factor: Tensor) -> None:
        """Multiply by a factor from the left."""
        if not len(self._triangle):
            return
        columns, upper = torch.linalg.qr(factor @ self._columns)
        lengths = upper.abs().amax(1)
        kept = lengths > LOST * lengths.max()
        self._columns, self._triangle = columns[:, kept], upper[kept] @ self._triangle
        if len(self._triangle):  # its longest row stays 1, so that nothing underflows
            largest = self._triangle.abs().max()
            self._triangle /= largest
            self._logarithm += float(largest.log10())

    def logarithms(self) -> Floats:
        """log₁₀ of the singular values in falling order, (n,); minus infinity where one is 0."""
        from scipy.linalg.lapack import dgejsv  # takes a while to import

        found = np.full(self._triangle.shape[1], -np.inf)
        if len(self._triangle):
            only_values: dict[str, Any] = {"joba": 0, "jobu": 3, "jobv": 3}
            values, _, _, ratio, *_ = dgejsv(self._triangle.T.numpy(), **only_values)
            with np.errstate(divide="ignore"):
                found[: len(values)] = np.log10(values) + np.log10(ratio[0] / ratio[1])
            found += self._logarithm
        return found


def activated(activation: str, values: Floats) -> tuple[Floats, Floats]:
    """φ and φ′ at values."""
    if activation == "tanh":
        found = np.tanh(values)
        return found, 1 - found**2
    if activation == "relu":
        return np.maximum(values, 0.0), (values > 0).astype(float)
    return values, np.ones_like(values)


def edge(activation: str, sigma_b: Floats) -> Floats:
    """The σ_w of the edge of chaos, where χ = σ_w² E φ′(√q z)² = 1 at the fixed point q.

    At each q the condition gives σ_w, and q = σ_w² E φ(√q z)² + σ_b² then gives σ_b. For activation
    functions that are homogeneous, σ_w is the same for all σ_b.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    values, slopes = activated(activation, np.sqrt(SQUARES)[:, None] * nodes)
    squares = 1 / (slopes**2 @ weights)
    biases = np.sqrt(np.maximum(SQUARES - squares * (values**2 @ weights), 0.0))
    if np.ptp(squares) < 1e-9:
        return np.full_like(sigma_b, np.sqrt(squares[0]))
    return np.interp(sigma_b, biases, np.sqrt(squares))


@final
@dataclass(frozen=True, eq=False)
class Drawn:
    """Standard normal numbers from which networks of all scales are made.

    Attributes:
        weights: (L, n, n).
        biases: (L, n).
        inputs: examples (E, n).
        moves: a tangent vector for each example, (E, n).
    """

    weights: Floats
    biases: Floats
    inputs: Floats
    moves: Floats

    @classmethod
    def by(cls, rng: np.random.Generator, layers: int, width: int, examples: int) -> "Drawn":
        """Draw all of them."""
        shapes = ((layers, width, width), (layers, width), (examples, width), (examples, width))
        return cls(*(rng.normal(size=shape) for shape in shapes))


def growth(activation: str, sigma_w: float, sigma_b: Floats, drawn: Drawn) -> Floats:
    """log₁₀ of the growth of squared tangent vectors in a layer, measured for each σ_b: (B,).

    The mean over examples and the second half of the layers, in networks without skips or
    normalization: an estimate of log₁₀ χ.
    """
    hidden, tangents = (np.tile(one, (len(sigma_b), 1, 1)) for one in (drawn.inputs, drawn.moves))
    weights = drawn.weights * sigma_w / drawn.weights.shape[1] ** 0.5
    found = []
    for weight, bias in zip(weights, drawn.biases, strict=True):
        hidden, slopes = activated(activation, hidden @ weight.T + sigma_b[:, None, None] * bias)
        tangents = slopes * (tangents @ weight.T)
        lengths = np.linalg.norm(tangents, axis=-1, keepdims=True)
        tangents = tangents / np.maximum(lengths, 1e-300)
        found.append(2 * np.log10(np.maximum(lengths[..., 0], 1e-300)).mean(1))
    return np.asarray(np.mean(found[len(found) // 2 :], axis=0))


def escape(start: Floats, rate: float, most: int) -> float:
    """Steps of gradient descent on ½(Πᵢ wᵢ − 1)² until the product exceeds ½; NaN after `most`.

    Shamir, 2018, arXiv:1809.08587: the number grows exponentially with the number of factors.
    """
    weights = start
    for step in range(most + 1):
        product = float(weights.prod())
        if product > 0.5:
            return float(step)
        weights = weights - rate * (product - 1) * product / weights
    return float("nan")
