"""Several small autoencoders on digits at once, and rules that precondition by Fisher matrices.

The autoencoder is 64-32-16-4-16-32-64 with ReLU units, a linear code and linear outputs. Each layer
is a matrix with the bias as its last column; the parameters of a network are the entries of these
matrices in turn, a row (P,) of the parameters (R, P) of R networks. Formulas: see `adam.py`,
`heavy_ball.py`, `mini_block_fisher.py` and `kfac.py` of the optimizers, to which tests compare
these; as batches of matrices the steps of twelve networks take a tenth of their time.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from landscape_core.curvature.layer_gradients import inverted
from landscape_core.foundation.random_streams import stream

WIDTHS = (64, 32, 16, 4, 16, 32, 64)
LINEAR = (2, 5)
"""Layers without ReLU: the code and the outputs."""
SHAPES = tuple((wide, narrow + 1) for narrow, wide in pairwise(WIDTHS))
COUNT = sum(rows * columns for rows, columns in SHAPES)

MOMENTUM = 0.9
DECAY, REFRESH = 0.9, 20
"""Decay rate of Fisher matrices by step, and steps between updates of their inverses."""

Parts = list[Tensor]
"""One tensor for each layer."""


def start(seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """The parameters (P,) of a network, uniform on ±1/√fan-in as in PyTorch."""
    drawn, parts = stream(seed, "init"), []
    for rows, columns in SHAPES:
        uniform = 2 * torch.rand(rows * columns, generator=drawn, dtype=torch.float64) - 1
        parts.append(uniform / (columns - 1) ** 0.5)
    return torch.cat(parts).to(dtype)


def matrices(theta: Tensor) -> Parts:
    """Views of the matrices (R, out, in + 1) of parameters (R, P)."""
    sizes = [rows * columns for rows, columns in SHAPES]
    parts = zip(theta.split(sizes, 1), SHAPES, strict=True)
    return [part.view(len(theta), *shape) for part, shape in parts]


def rows_of(parts: Parts) -> Tensor:
    """The matrices of all layers as rows (R, P)."""
    return torch.cat([part.flatten(1) for part in parts], 1)


def forward(theta: Tensor, images: Tensor) -> tuple[Parts, Tensor]:
    """The inputs (R, N, in + 1) of each layer, 1 at last, and the logits (R, N, 64)."""
    values, found = images.expand(len(theta), *images.shape), []
    for i, weight in enumerate(matrices(theta)):
        found.append(pad(values, (0, 1), value=1.0))
        values = found[-1] @ weight.mT
        if i not in LINEAR:
            values = values.relu()
    return found, values


def losses(theta: Tensor, images: Tensor) -> Tensor:
    """Minus the Bernoulli log-likelihood of an image, summed over pixels, by network: (R,)."""
    logits = forward(theta, images)[1]
    every = binary_cross_entropy_with_logits(logits, images.expand_as(logits), reduction="none")
    return every.sum(2).mean(1)


def backward(theta: Tensor, inputs: Parts, error: Tensor) -> Parts:
    """The derivatives (R, N, out) with respect to the outputs of each layer."""
    weights, found = matrices(theta), [error]
    for i in range(len(weights) - 1, 0, -1):
        error = error @ weights[i][..., :-1]
        if i - 1 not in LINEAR:
            error = error * (inputs[i][..., :-1] > 0)
        found.append(error)
    return found[::-1]


def gradient(inputs: Parts, slopes: Parts) -> Tensor:
    """The gradient of the mean loss, (R, P)."""
    parts = zip(inputs, slopes, strict=True)
    return rows_of([delta.mT @ a / a.shape[1] for a, delta in parts])


def sampled(logits: Tensor, seed: int, index: int) -> Tensor:
    """Errors with the covariance of those for pixels drawn from the network, (R, N, 64)."""
    probability = logits.sigmoid()
    rng = stream(seed, "labels", index)
    noise = torch.randn(logits.shape[1:], generator=rng, dtype=logits.dtype)
    return noise * (probability * (1 - probability)).sqrt()


def blocks(shape: str, a: Tensor, delta: Tensor) -> Tensor:
    """The kept part of a layer's empirical Fisher matrix.

    Shape (R, out, in, in) for `neuron`, (R, 1, in, in) for `average`, (R, out, in) for `diagonal`.
    """
    squares = delta.square().mT / a.shape[1]
    if shape == "diagonal":
        return squares @ a.square()
    if shape == "average":
        squares = squares.mean(1, keepdim=True)
    columns = a.shape[-1]
    outer = (a[..., :, None] * a[..., None, :]).flatten(2)
    return (squares @ outer).unflatten(2, (columns, columns))


def damped(shape: str, block: Tensor, damping: float) -> Tensor:
    """The inverse of blocks with λ on the diagonal."""
    return 1 / (block + damping) if shape == "diagonal" else inverted(block, damping)


def times(shape: str, inverse: Tensor, g: Tensor) -> Tensor:
    """The inverse times the gradient (R, out, in) of a layer."""
    return inverse * g if shape == "diagonal" else (inverse @ g[..., None])[..., 0]


def factors(a: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """A (R, in, in) and S (R, out, out) of K-FAC."""
    return a.mT @ a / a.shape[1], delta.mT @ delta / a.shape[1]


def factors_damped(pair: Sequence[Tensor], damping: float) -> tuple[Tensor, Tensor]:
    """The inverses of both factors, with the damping λ shared out by their traces."""
    a, s = pair
    means = [each.diagonal(dim1=-2, dim2=-1).mean(-1) for each in (a, s)]
    ratio = means[0] / means[1]
    pi = torch.where((ratio > 0) & ratio.isfinite(), ratio, 1.0).sqrt()[:, None, None]
    units = [torch.eye(each.shape[-1], dtype=each.dtype) for each in (a, s)]
    root = damping**0.5
    return inverted(a + root * pi * units[0], 0.0), inverted(s + root / pi * units[1], 0.0)


def approximations(a: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """Four Fisher matrices (4, D, D) of a layer and its gradient (D,), output by output.

    The diagonal, one block for each output, the Kronecker product of K-FAC, and the full one.
    """
    rows = (delta[:, :, None] * a[:, None, :]).flatten(1)
    full = rows.T @ rows / len(rows)
    block = torch.block_diag(*torch.ones(delta.shape[1], a.shape[1], a.shape[1]))
    left, right = (each[0] for each in factors(a[None], delta[None]))
    every = [torch.diag(full.diagonal()), full * block, torch.kron(right, left), full]
    return torch.stack(every), rows.mean(0)


class Rule(ABC):
    """A rule with several learning rates at once; `theta` (R, P) holds a network for each."""

    def __init__(self, theta: Tensor, rates: Sequence[float]) -> None:
        self.theta = theta.expand(len(rates), -1).clone()
        self.rates = torch.tensor(rates, dtype=theta.dtype)[:, None]
        self.velocity = torch.zeros_like(self.theta)
        self.index = 0

    def step(self, images: Tensor) -> None:
        """Take a step on a batch of images (N, 64)."""
        inputs, logits = forward(self.theta, images)
        slopes = backward(self.theta, inputs, logits.sigmoid() - images)
        direction = self.direction(gradient(inputs, slopes), inputs, slopes, logits)
        self.index += 1
        self.move(direction)

    def move(self, direction: Tensor) -> None:
        """Follow a direction with momentum."""
        self.velocity = MOMENTUM * self.velocity + direction
        self.theta = self.theta - self.rates * self.velocity

    @abstractmethod
    def direction(self, g: Tensor, inputs: Parts, slopes: Parts, logits: Tensor) -> Tensor:
        """What takes the place of the gradient g (R, P)."""


class Momentum(Rule):
    """SGD with momentum."""

    def direction(self, g: Tensor, inputs: Parts, slopes: Parts, logits: Tensor) -> Tensor:
        """The gradient itself."""
        return g


class Adam(Rule):
    """Adam with the usual decay rates; β₁ stands in for momentum."""

    def __init__(self, theta: Tensor, rates: Sequence[float]) -> None:
        super().__init__(theta, rates)
        self.squares = torch.zeros_like(self.theta)

    def direction(self, g: Tensor, inputs: Parts, slopes: Parts, logits: Tensor) -> Tensor:
        """The gradient, whose square is averaged."""
        self.squares = 0.999 * self.squares + 0.001 * g.square()
        return g

    def move(self, direction: Tensor) -> None:
        """Divide the average gradient by the root of the average square."""
        self.velocity = 0.9 * self.velocity + 0.1 * direction
        m = self.velocity / (1 - 0.9**self.index)
        root = (self.squares / (1 - 0.999**self.index)).sqrt()
        self.theta = self.theta - self.rates * m / (root + 1e-8)


class MiniBlocks(Rule):
    """Mini-block Fisher: one block per output, their average, or the diagonal alone."""

    def __init__(
        self, theta: Tensor, rates: Sequence[float], *, shape: str, damping: float, update: int
    ) -> None:
        super().__init__(theta, rates)
        self.shape, self.damping, self.update = shape, damping, update
        self.average: Parts = []
        self.inverses: Parts = []

    def direction(self, g: Tensor, inputs: Parts, slopes: Parts, logits: Tensor) -> Tensor:
        """The gradient times the damped inverse of each block."""
        if self.index % self.update == 0:
            pairs = zip(inputs, slopes, strict=True)
            fresh = [blocks(self.shape, a, delta) for a, delta in pairs]
            self.average = averaged(self.average, fresh, DECAY**self.update)
        if self.index < REFRESH or self.index % REFRESH == 0:
            self.inverses = [damped(self.shape, each, self.damping) for each in self.average]
        parts = zip(self.inverses, matrices(g), strict=True)
        return rows_of([times(self.shape, inverse, part) for inverse, part in parts])


class Kronecker(Rule):
    """K-FAC with pixels drawn from the network, and the catalogue's damping and clipping."""

    DAMPING, CLIP = 0.03, 0.001

    def __init__(self, theta: Tensor, rates: Sequence[float], *, seed: int, update: int) -> None:
        super().__init__(theta, rates)
        self.seed, self.update = seed, update
        self.average: Parts = []
        self.inverses: list[tuple[Tensor, Tensor]] = []

    def direction(self, g: Tensor, inputs: Parts, slopes: Parts, logits: Tensor) -> Tensor:
        """S⁻¹ g A⁻¹ by layer, no longer than the clipping allows."""
        if self.index % self.update == 0:
            drawn = backward(self.theta, inputs, sampled(logits, self.seed, self.index))
            pairs = zip(inputs, drawn, strict=True)
            fresh = [each for a, delta in pairs for each in factors(a, delta)]
            kept = min(DECAY**self.update, 1 - 1 / (self.index // self.update + 1))
            self.average = averaged(self.average, fresh, kept)
        if self.index < REFRESH or self.index % REFRESH == 0:
            pairs = zip(self.average[::2], self.average[1::2], strict=True)
            self.inverses = [factors_damped(pair, self.DAMPING) for pair in pairs]
        parts = zip(self.inverses, matrices(g), strict=True)
        d = rows_of([s @ part @ a for (a, s), part in parts])
        change = self.rates.square() * (d * g).sum(1, keepdim=True)
        return d * (self.CLIP / change).sqrt().clamp(max=1.0)


def averaged(before: Parts, fresh: Parts, kept: float) -> Parts:
    """The running averages, which begin with the first values."""
    if not before:
        return fresh
    return [torch.lerp(new, old, kept) for old, new in zip(before, fresh, strict=True)]
