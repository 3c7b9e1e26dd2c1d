"""Steps with and without variance reduction on least squares, and spreads of gradients of examples.

Steps are those of the catalogue with batches of one, in NumPy: each function yields (gradients of
examples so far, θ) before every step. Johnson, Zhang, 2013, Accelerating Stochastic Gradient
Descent using Predictive Variance Reduction; Defazio, Bach, Lacoste-Julien, 2014, arXiv:1407.0202.

The gradient of an example by the weights of a linear layer is the product of an error and an input:
inner products of such gradients need no gradient.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from landscape_core.labs._least_squares import Array, Indices, LeastSquares

Run = Iterator[tuple[int, Array]]

Factors = Sequence[tuple[Tensor, Tensor]]
"""For each linear layer the errors (N, out) and the inputs (N, in) of examples, float64."""


def sgd(data: LeastSquares, rates: Array, order: Indices) -> Run:
    """SGD at a rate for each step; costs one gradient."""
    A, b, theta = data.A, data.b, data.start
    for step, (i, rate) in enumerate(zip(order.tolist(), rates.tolist(), strict=True)):
        yield step, theta
        theta = theta - (rate * (A[i] @ theta - b[i])) * A[i]


def svrg(data: LeastSquares, rate: float, order: Indices, every: int) -> Run:
    """SVRG, g = ∇fᵢ(θ) − ∇fᵢ(w) + ∇f(w), with w ← θ after each `every` steps.

    Costs two gradients, and n for ∇f(w).
    """
    A, b, n = data.A, data.b, len(data.A)
    theta, spent = data.start, 0
    for step, i in enumerate(order.tolist()):
        yield spent, theta
        if step % every == 0:
            residuals = A @ theta - b
            full = residuals @ A / n
            spent += n
        theta = theta - rate * ((A[i] @ theta - b[i] - residuals[i]) * A[i] + full)
        spent += 2


def saga(data: LeastSquares, rate: float, order: Indices) -> Run:
    """SAGA, g = ∇fᵢ(θ) − αᵢ + ᾱ, then αᵢ ← ∇fᵢ(θ), from αᵢ = 0; costs one gradient.

    Of αᵢ = rᵢa the residual rᵢ is kept.
    """
    A, b, n = data.A, data.b, len(data.A)
    theta, kept, mean = data.start, np.zeros(n), np.zeros(A.shape[1])
    for step, i in enumerate(order.tolist()):
        yield step, theta
        residual = A[i] @ theta - b[i]
        change = (residual - kept[i]) * A[i]
        theta = theta - rate * (change + mean)
        mean = mean + change / n
        kept[i] = residual


def network_factors(
    weights: Sequence[Tensor], inputs: Tensor, labels: Tensor, activation: str
) -> Factors:
    """Factors of the gradients of the cross-entropy of a multilayer perceptron.

    The weights are matrix and bias of each layer in turn, the inputs (N, in).
    """
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    hidden = [inputs]
    for weight, bias in layers:
        values = torch.addmm(bias, hidden[-1], weight.T)
        last = len(hidden) == len(layers)
        hidden.append(values if last else getattr(torch, activation)(values))
    error = hidden.pop().softmax(1) - one_hot(labels, len(layers[-1][1]))
    errors = [error]
    for (weight, _), value in zip(layers[:0:-1], hidden[:0:-1], strict=True):
        slope = (value > 0).to(value) if activation == "relu" else 1 - value.square()
        errors.append((errors[-1] @ weight) * slope)
    one = torch.ones(len(inputs), 1, dtype=inputs.dtype)
    return [(e, torch.cat([h, one], 1)) for e, h in zip(errors[::-1], hidden, strict=True)]


def covariance(one: Factors, other: Factors) -> float:
    """The trace of the covariance, over examples, of two gradients of each example."""
    found = 0.0
    for (e, a), (f, c) in zip(one, other, strict=True):
        each = ((e * f).sum(1) * (a * c).sum(1)).mean()
        means = ((e.T @ a) * (f.T @ c)).sum() / len(a) ** 2
        found += float(each - means)
    return found


def reduction(now: Factors, then: Factors) -> tuple[float, float]:
    """The variance of g(θ) − g(w) relative to that of g(θ), and the correlation of both."""
    here, there, both = covariance(now, now), covariance(then, then), covariance(now, then)
    return (here + there - 2 * both) / here, both / math.sqrt(here * there)
