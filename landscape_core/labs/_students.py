"""Networks that learn a network: expected losses, gradients and curvature in closed form.

ReLU (Safran, Shamir, 2018, arXiv:1712.08968, section 4): Σᵢ ReLU(⟨wᵢ, x⟩) learns Σⱼ ReLU(⟨vⱼ, x⟩)
with k orthonormal vⱼ and x ∼ N(0, I). Linear: W₃W₂W₁x learns Ax.

Two students learn at once from every start: one with k neurons, and one with the same k and
more. Their parameters have the shape (2, S, ...); what the first one lacks stays zero there.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.func import hessian, vmap

from landscape_core.foundation.random_streams import stream
from landscape_core.labs._relu_kernel import angles, relu_kernel

RATE = 0.5
"""The step size of gradient descent on ReLU networks is RATE/k."""
LINEAR_RATE = 0.03
"""The step size on linear networks; the largest stable one is 2/(6 · 2^(4/3)) = 0.13."""
BEYOND = 5
"""Inputs and outputs of a linear network beyond its k hidden units, so that it cannot fit all."""
LEAST_SINE = 1e-12
"""Of an angle between two rows by which is divided."""


class Students(ABC):
    """Two students of one teacher, from S starts."""

    rate: float
    """The step size of gradient descent."""

    @abstractmethod
    def start(self, seed: int, starts: int) -> Tensor:
        """Parameters of both at initialization, (2, S, ...)."""

    @abstractmethod
    def excess(self, theta: Tensor) -> Tensor:
        """The expected loss above its global minimum, (2, S)."""

    @abstractmethod
    def gradient(self, theta: Tensor) -> Tensor:
        """The gradient of the expected loss, (2, S, ...)."""

    @abstractmethod
    def least_eigenvalues(self, theta: Tensor) -> Tensor:
        """The smallest eigenvalue of the Hessian, (2, S)."""

    @abstractmethod
    def weights(self, theta: Tensor) -> Tensor:
        """What one network without extra neurons has learnt, (D, D): rows by columns of teacher.

        Args:
            theta: the parameters of one start of the first student.
        """


class ReluStudents(Students):
    """Sums of ReLUs that learn the sum of the ReLUs of k orthonormal directions."""

    def __init__(self, neurons: int, extra: int) -> None:
        """Take the number of teacher neurons k, and how many more the second student has."""
        self.counts = (neurons, neurons + extra)
        self.rate = RATE / neurons
        self.target = torch.eye(neurons, dtype=torch.float64)
        self._kept = torch.ones(2, 1, neurons + extra, dtype=torch.float64)
        self._kept[0, :, neurons:] = 0
        against = torch.full((2, 1, neurons), -1.0, dtype=torch.float64)
        self._signs = torch.cat([self._kept, against], -1)[:, :, None]

    def start(self, seed: int, starts: int) -> Tensor:
        """Neurons w ∼ N(0, I/k): (2, S, n, k); those that the first student lacks do not count."""
        k, n = self.counts
        own = _normal(seed, "init", starts, k, k)
        more = _normal(seed, "extra", starts, n - k, k)
        return (torch.cat([own, more], 1) / k**0.5).repeat(2, 1, 1, 1)

    def excess(self, theta: Tensor) -> Tensor:
        """The expected squared error; 0 is its minimum."""
        signs = self._signs.clone()
        signs[..., self.counts[1] :] = -2
        k = self.counts[0]
        level = k / 2 + k * (k - 1) / (2 * math.pi)
        each = relu_kernel(theta, self._rows(theta)) * signs * self._kept[..., None]
        return each.sum((2, 3)) + level

    def gradient(self, theta: Tensor) -> Tensor:
        """Of neuron j: Σᵢ ±((π − θⱼᵢ)rᵢ + ‖rᵢ‖ sin θⱼᵢ wⱼ/‖wⱼ‖)/π over neurons and teachers r."""
        rows = self._rows(theta)
        _, cosine, angle = angles(theta, rows)
        sine = (1 - cosine.square()).sqrt() * self._signs
        across = (sine @ rows.norm(dim=-1)[..., None]) / theta.norm(dim=-1, keepdim=True)
        found = ((math.pi - angle) * self._signs) @ rows + across * theta
        return found * (self._kept[..., None] / math.pi)

    def least_eigenvalues(self, theta: Tensor) -> Tensor:
        """From the closed form of the Hessian."""
        each = [torch.linalg.eigvalsh(one)[:, 0] for one in self.hessians(theta)]
        return torch.stack(each)

    def hessians(self, theta: Tensor) -> list[Tensor]:
        """The Hessian of each student in the weights that it has, (S, nk, nk)."""
        rows = zip(theta, self.counts, strict=True)
        return [relu_hessian(row[:, :count], self.target) for row, count in rows]

    def weights(self, theta: Tensor) -> Tensor:
        """The weights of each neuron, its teacher in the same row where neurons are one each."""
        rows = theta[: self.counts[0]]
        return rows[rows.abs().argmax(1).argsort(stable=True)]

    def _rows(self, theta: Tensor) -> Tensor:
        """The neurons, then the teachers: (2, S, n + k, k)."""
        return torch.cat([theta, self.target.expand(*theta.shape[:2], -1, -1)], 2)


class LinearStudents(Students):
    """Products W₃W₂W₁ that learn a diagonal matrix with singular values from 2 down to 1.

    A diagonal one loses nothing, as Gaussian weights look the same from all sides.
    """

    rate = LINEAR_RATE

    def __init__(self, neurons: int, extra: int) -> None:
        """Take the number of hidden units k, and how many more the second student has."""
        self.counts = (neurons, neurons + extra)
        self.size = neurons + BEYOND
        self.values = torch.linspace(2, 1, self.size, dtype=torch.float64)

    def start(self, seed: int, starts: int) -> Tensor:
        """Layers (2, S, 3, D, D) with entries N(0, 1/D), first layer first."""
        layers = _normal(seed, "init", starts, 3, self.size, self.size) / self.size**0.5
        both = layers.repeat(2, 1, 1, 1, 1)
        for network, count in zip(both, self.counts, strict=True):
            network[:, :2, count:] = 0
            network[:, 1:, :, count:] = 0
        return both

    def excess(self, theta: Tensor) -> Tensor:
        """‖W₃W₂W₁ − A‖² less that of the best matrix of rank n (Eckart, Young, 1936)."""
        least = [self.values[count:].square().sum() for count in self.counts]
        return self._error(theta).square().sum((-2, -1)) - torch.stack(least)[:, None]

    def gradient(self, theta: Tensor) -> Tensor:
        """From the products of the other two layers; what is zero for lack of units stays so."""
        first, middle, last = theta.unbind(2)
        error = 2 * self._error(theta)
        below = error @ first.mT
        return torch.stack(
            [(last @ middle).mT @ error, last.mT @ below, below @ middle.mT],
            2,
        )

    def least_eigenvalues(self, theta: Tensor) -> Tensor:
        """In the weights that each network has, by automatic differentiation."""
        return torch.stack([self._least(theta[row], n) for row, n in enumerate(self.counts)])

    def weights(self, theta: Tensor) -> Tensor:
        """The product W₃W₂W₁; A is diagonal."""
        return theta[2] @ theta[1] @ theta[0]

    def _error(self, theta: Tensor) -> Tensor:
        first, middle, last = theta.unbind(2)
        return last @ middle @ first - torch.diag(self.values)

    def _least(self, theta: Tensor, count: int) -> Tensor:
        size = self.size
        parts = (count * size, count * count, size * count)

        def loss(flat: Tensor) -> Tensor:
            first, middle, last = flat.split(parts)
            whole = last.view(size, count) @ middle.view(count, count) @ first.view(count, size)
            return (whole - torch.diag(self.values)).square().sum()

        columns = [theta[:, 0, :count], theta[:, 1, :count, :count], theta[:, 2, :, :count]]
        flat = torch.cat([one.flatten(1) for one in columns], 1)
        second: Tensor = vmap(hessian(loss), chunk_size=1)(flat)
        return torch.linalg.eigvalsh(second)[:, 0]


def relu_hessian(neurons: Tensor, target: Tensor) -> Tensor:
    """The Hessian of the expected loss of sums of ReLUs, (S, nd, nd).

    With û the direction of u and n = (v̂ − cos θ û)/sin θ that of v across it, a row v adds
    ±‖v‖ sin θ/(π‖u‖) (n nᵀ + I − û ûᵀ) to the block of u, and if it is another neuron, the block of
    u and v is ((π − θ)I + (û v̂ᵀ + v̂ ûᵀ − cos θ (û ûᵀ + v̂ v̂ᵀ))/sin θ)/π.

    Args:
        neurons: the rows u, (S, n, d).
        target: the rows of the teacher, (k, d).
    """
    starts, n, d = neurons.shape
    rows = torch.cat([neurons, target.expand(starts, -1, -1)], 1)
    lengths = rows.norm(dim=-1, keepdim=True)
    units, own = rows / lengths, (neurons / lengths[:, :n])
    _, cosine, angle = angles(neurons, rows)
    sine = (1 - cosine.square()).sqrt().clamp(min=LEAST_SINE)[..., None]
    normal = (units[:, None] - cosine[..., None] * own[:, :, None]) / sine
    weight = (sine * lengths[:, None] / lengths[:, :n, None])[..., 0] / math.pi
    weight[..., n:] *= -1
    diagonal = torch.arange(n)
    weight[:, diagonal, diagonal] = 0
    eye = torch.eye(d, dtype=neurons.dtype)
    other = torch.einsum("sia,sijb->sijab", own, normal[:, :, :n])
    blocks = (other + other.transpose(1, 2)) / math.pi
    blocks += ((math.pi - angle[..., :n]) / math.pi)[..., None, None] * eye
    across = eye - own[..., :, None] * own[..., None, :]
    blocks[:, diagonal, diagonal] = (
        eye
        + torch.einsum("snm,snma,snmb->snab", weight, normal, normal)
        + weight.sum(-1)[..., None, None] * across
    )
    return blocks.transpose(2, 3).reshape(starts, n * d, n * d)


def _normal(seed: int, purpose: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(seed, purpose), dtype=torch.float64)
