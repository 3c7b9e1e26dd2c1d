"""Small networks fitted to the quadratic hinge loss until they are at a minimum, in NumPy.

The loss ½ Σ max(0, 1 − yᵢ f(xᵢ))² is a sum of squares of the examples that are unsatisfied, so that
damped Gauss-Newton steps (Levenberg, 1944; Marquardt, 1963) come near a minimum within some hundred
steps where descent along the gradient needs a million. Where examples stay unsatisfied the last
part of the way is slow, and fits stop before its end.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erf

Array = npt.NDArray[np.float64]

MOST, PATIENCE, LEAST_GAIN = 600, 60, 1e-6
"""Steps at most; a fit ends where the loss fell by less than this fraction in so many of them."""
ZERO = 1e-14
"""The loss below which all examples are satisfied."""
TRIES = 20
"""Dampings tried for a step before a fit ends at a point where none lowers the loss."""
SATISFIED = 1e-5
"""What a margin may lack to 1."""


def _gelu_slope(z: Array) -> Array:
    bell = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray((1 + erf(z / math.sqrt(2))) / 2 + z * bell)


Function = Callable[[Array], Array]
ACTIVATIONS: dict[str, tuple[Function, Function, float]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, 1.0),
    "gelu": (lambda z: np.asarray(z * (1 + erf(z / math.sqrt(2))) / 2), _gelu_slope, 2.0),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(float), 2.0),
}
"""Activations: the function, its derivative, and n times the variance of the initial weights."""


@dataclass(frozen=True)
class Network:
    """A fully connected network from `widths[0]` inputs to one output, by its parameter vector.

    Layer after layer the vector holds the weights (outputs, inputs) and then the biases.
    """

    widths: tuple[int, ...]
    activation: str

    @property
    def size(self) -> int:
        """The number of parameters N."""
        return sum((n + 1) * m for n, m in itertools.pairwise(self.widths))

    def start(self, rng: np.random.Generator) -> Array:
        """Parameters (N,): Gaussian weights of variance gain / inputs, and biases 0."""
        gain, parts = ACTIVATIONS[self.activation][2], []
        for n, m in itertools.pairwise(self.widths):
            parts += [rng.normal(0.0, math.sqrt(gain / n), n * m), np.zeros(m)]
        return np.concatenate(parts)

    def outputs(self, theta: Array, inputs: Array) -> Array:
        """The output f of each example, (P,)."""
        return np.asarray(self._sums(theta, inputs)[-1][:, 0])

    def jacobian(self, theta: Array, inputs: Array) -> Array:
        """The derivative of f of each example in the parameters, (P, N)."""
        function, slope, _ = ACTIVATIONS[self.activation]
        sums, weights = self._sums(theta, inputs), [weight for weight, _ in self._layers(theta)]
        entering = [inputs, *(function(z) for z in sums[:-1])]
        back, parts = np.ones((len(inputs), 1)), []
        for layer in reversed(range(len(weights))):
            products = back[:, :, None] * entering[layer][:, None]
            parts += [back, products.reshape(len(inputs), -1)]
            if layer:
                back = back @ weights[layer] * slope(sums[layer - 1])
        return np.concatenate(parts[::-1], 1)

    def _layers(self, theta: Array) -> list[tuple[Array, Array]]:
        """Weights and biases of each layer, as views."""
        found, at = [], 0
        for n, m in itertools.pairwise(self.widths):
            weight, bias = theta[at : at + n * m].reshape(m, n), theta[at + n * m : at + n * m + m]
            found.append((weight, bias))
            at += (n + 1) * m
        return found

    def _sums(self, theta: Array, inputs: Array) -> list[Array]:
        """What leaves each layer before its activation, (P, units)."""
        function, found, entering = ACTIVATIONS[self.activation][0], [], inputs
        for weight, bias in self._layers(theta):
            found.append(entering @ weight.T + bias)
            entering = function(found[-1])
        return found


def fitted(network: Network, theta: Array, inputs: Array, signs: Array) -> Array:
    """The parameters near a minimum to which damped Gauss-Newton steps lead.

    Args:
        network: what is fitted.
        theta: where to begin, (N,).
        inputs: examples (P, d).
        signs: their labels ±1, (P,).
    """
    missing = _missing(network, theta, inputs, signs)
    losses, damping = [0.5 * float(missing @ missing)], 1.0
    while losses[-1] > ZERO and len(losses) <= MOST and not _settled(losses):
        rows = missing > 0
        jacobian = -signs[rows, None] * network.jacobian(theta, inputs[rows])
        gradient, curvature = jacobian.T @ missing[rows], jacobian.T @ jacobian
        for _ in range(TRIES):
            step = np.linalg.solve(curvature + damping * np.eye(len(theta)), -gradient)
            missing = _missing(network, theta + step, inputs, signs)
            loss = 0.5 * float(missing @ missing)
            if loss < losses[-1]:
                break
            damping *= 4.0
        else:
            break
        theta, damping = theta + step, max(damping / 3.0, 1e-10)
        losses.append(loss)
    return theta


def margins(network: Network, theta: Array, inputs: Array, signs: Array) -> Array:
    """The margin y f of each example, (P,); it is satisfied from 1 on."""
    return signs * network.outputs(theta, inputs)


def unsatisfied(values: Array) -> int:
    """How many margins are below 1."""
    return int((values < 1.0 - SATISFIED).sum())


def _missing(network: Network, theta: Array, inputs: Array, signs: Array) -> Array:
    return np.maximum(1.0 - margins(network, theta, inputs, signs), 0.0)


def _settled(losses: list[float]) -> bool:
    before = losses[-1 - PATIENCE] if len(losses) > PATIENCE else math.inf
    return before - losses[-1] < LEAST_GAIN * losses[-1]
