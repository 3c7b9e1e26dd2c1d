"""Positions of a graph's nodes: Fruchterman and Reingold, 1991, force-directed placement.

Edges pull, all pairs of nodes push. The start is deterministic: each class on a circle of its own,
and those circles on a large one, so that nodes of one class are near each other where edges allow.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ROUNDS = 60
"""Moves of all nodes."""

REACH = 3.0
"""How far nodes push, in units of the distance that an edge pulls to: their grid variant."""

GOLDEN = np.pi * (3.0 - np.sqrt(5.0))
"""The angle between two successive nodes of a class on their spiral, in radians."""


def node_positions(
    edges: npt.NDArray[np.int64], classes: npt.NDArray[np.int64], rounds: int = ROUNDS
) -> Floats:
    """Positions (N, 2) in [-1, 1] x [-1, 1] of nodes with these classes (N,).

    Args:
        edges: pairs of nodes (E, 2), each pair once.
        classes: of the nodes.
        rounds: moves of all nodes.
    """
    places = _start(classes)
    count = len(places)
    ideal = 2.0 / np.sqrt(max(count, 1))
    first, second = np.concatenate([edges, edges[:, ::-1]]).T
    for round_ in range(rounds):
        norms = np.square(places).sum(axis=1)
        squares = np.maximum(norms[:, None] + norms - 2.0 * places @ places.T, 0.0) + 1e-6
        force = np.where(squares < (REACH * ideal) ** 2, ideal**2 / squares, 0.0)
        pulled = np.sqrt(squares[first, second]) / ideal
        force[first, second] -= pulled
        moves = places * force.sum(axis=1, keepdims=True) - force @ places - 0.5 * places
        lengths = np.linalg.norm(moves, axis=1, keepdims=True) + 1e-12
        heat = 0.15 * (1.0 - round_ / rounds)
        places = places + moves / lengths * np.minimum(lengths, heat)
    low, high = places.min(axis=0), places.max(axis=0)
    return np.asarray(2.0 * (places - low) / np.maximum(high - low, 1e-12) - 1.0)


def _start(classes: npt.NDArray[np.int64]) -> Floats:
    """Each class on a spiral around its own place on the unit circle."""
    places = np.zeros((len(classes), 2))
    kinds = np.unique(classes)
    for number, kind in enumerate(kinds):
        mine = np.flatnonzero(classes == kind)
        turn = 2 * np.pi * number / len(kinds)
        steps = np.arange(len(mine))
        radius = 0.45 * np.sqrt((steps + 0.5) / len(mine))
        spiral = radius[:, None] * np.stack([np.cos(GOLDEN * steps), np.sin(GOLDEN * steps)], 1)
        places[mine] = np.array([np.cos(turn), np.sin(turn)]) + spiral
    return places
