"""A two-layer graph convolutional network with gradients of single nodes, on a sparse matrix.

Logits of node i are W₂ pᵢ + b₂, pᵢ = Σⱼ Âᵢⱼ ReLU(W₁ sⱼ + b₁), sⱼ row j of ÂX: the network of
`NodeClassification`, with its parameters in the same order.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from landscape_core.models.graph_convolution import GCN
from landscape_core.models.objective import Objective

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

BETAS, EPSILON = (0.9, 0.999), 1e-8


@dataclass(frozen=True, eq=False)
class GraphNetwork:
    """Â (N, N) as a sparse matrix, ÂX (N, F), the training nodes, classes of nodes, the start."""

    adjacency: Any
    smoothed: Array
    nodes: Indices
    targets: Indices
    classes: Indices
    start: Array

    width: ClassVar[int] = 32
    outputs: ClassVar[int] = 4
    last: ClassVar[int] = (32 + 1) * 4
    """Parameters of the last layer."""

    @classmethod
    def of(cls, objective: Objective) -> "GraphNetwork":
        """The network of a problem `NodeClassification` with its default sizes."""
        from scipy.sparse import csr_array  # takes a while to import

        network = objective.network
        assert network is not None  # a network is trained
        module = network.module
        assert isinstance(module, GCN)
        adjacency = module.adjacency.detach().numpy()
        nodes, targets = network.inputs.numpy(), network.targets.numpy()
        classes = np.arange(len(adjacency)) % cls.outputs
        features = module.smoothed.detach().numpy()
        start = network.start.numpy()
        return cls(csr_array(adjacency), features, nodes, targets, classes, start)

    @property
    def examples(self) -> int:
        """The number of training nodes."""
        return len(self.nodes)

    def layers(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        """Views of W₁ (width, F), b₁, W₂ (outputs, width), b₂."""
        F, m, c = self.smoothed.shape[1], self.width, self.outputs
        w1, b1, w2, b2 = np.split(theta, np.cumsum([m * F, m, c * m]))
        return w1.reshape(m, F), b1, w2.reshape(c, m), b2

    def loss(self, theta: Array) -> float:
        """The mean cross-entropy of the training nodes."""
        w1, b1, w2, b2 = self.layers(theta)
        hidden = np.maximum(self.smoothed @ w1.T + b1, 0)
        logits = (self.adjacency @ hidden)[self.nodes] @ w2.T + b2
        return float(-_log_softmax(logits)[np.arange(self.examples), self.targets].mean())

    def gradients(self, theta: Array, some: Indices | None = None) -> Array:
        """The gradient of each training node's loss, or of some of them, (n, P)."""
        nodes, targets = self.nodes, self.targets
        if some is not None:
            nodes, targets = nodes[some], targets[some]
        w1, b1, w2, b2 = self.layers(theta)
        rows = self.adjacency[nodes]
        near = np.unique(rows.indices)
        rows, s = rows[:, near], self.smoothed[near]
        hidden = np.maximum(s @ w1.T + b1, 0)
        sums = rows @ hidden
        (n, m), F = sums.shape, s.shape[1]
        off = np.exp(_log_softmax(sums @ w2.T + b2))
        off[np.arange(n), targets] -= 1
        inner = (hidden > 0)[:, :, None] * np.pad(s, ((0, 0), (0, 1)), constant_values=1)[:, None]
        spread = (rows @ inner.reshape(len(near), m * (F + 1))).reshape(n, m, F + 1)
        first = spread * (off @ w2)[:, :, None]
        weights, biases = first[..., :-1].reshape(n, m * F), first[..., -1]
        second = (off[:, :, None] * sums[:, None]).reshape(n, self.outputs * m)
        return np.concatenate([weights, biases, second, off], axis=1)

    def of_nodes(self, values: Array) -> Array:
        """Values of training nodes at their places among all nodes; 0 for the others."""
        found = np.zeros(len(self.classes))
        found[self.nodes] = values
        return found


class Adam:
    """Parameters and their Adam."""

    def __init__(self, theta: Array, rate: float) -> None:
        """Start at θ with this learning rate."""
        self.theta, self.rate, self.count = theta.copy(), rate, 0
        self.moments = np.zeros((2, len(theta)))

    def step(self, g: Array) -> None:
        """A step along a gradient."""
        self.count += 1
        for moment, beta, value in zip(self.moments, BETAS, (g, g * g), strict=True):
            moment *= beta
            moment += (1 - beta) * value
        first, second = (m / (1 - b**self.count) for m, b in zip(self.moments, BETAS, strict=True))
        self.theta = self.theta - self.rate * first / (np.sqrt(second) + EPSILON)


def neighbourhood(adjacency: Any, count: int) -> Indices:
    """The nodes nearest to the one with most neighbours, itself first."""
    degrees = np.diff(adjacency.indptr)
    found = [int(degrees.argmax())]
    seen = set(found)
    for node in found:  # grows on the way
        near = adjacency.indices[adjacency.indptr[node] : adjacency.indptr[node + 1]]
        new = [one for one in near.tolist() if one not in seen]
        seen.update(new)
        found += new
        if len(found) >= count:
            break
    others = [one for one in range(len(degrees)) if one not in seen]
    return np.array((found + others)[:count])


def placed(edges: npt.NDArray[np.bool_], rounds: int = 120) -> Array:
    """Places of nodes in the plane by springs between neighbours (Fruchterman and Reingold, 1991).

    From places on a spiral, so that the same graph is always drawn in the same way.
    """
    n = len(edges)
    turn, out = 2.4 * np.arange(n), np.sqrt((np.arange(n) + 0.5) / n)
    at = np.stack([out * np.cos(turn), out * np.sin(turn)], axis=1)
    length = 1.6 / np.sqrt(n)
    for heat in np.linspace(0.1, 0.003, rounds):
        apart = at[:, None] - at[None]
        far = np.maximum(np.linalg.norm(apart, axis=-1), 1e-3)
        pull = length**2 / far**2 - edges * far / length
        np.fill_diagonal(pull, 0.0)
        move = (apart * pull[..., None]).sum(1) - 0.3 * at
        size = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        at = at + move / size * np.minimum(size, heat)
    return at


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))
