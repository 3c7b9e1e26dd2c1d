"""SGD on least squares at scheduled learning rates, or with scheduled batch sizes, in NumPy.

A batch of B examples at the rate η has the ratio of rate to batch of single examples at η/B: Smith,
Kindermans, Ying, Le, 2018, arXiv:1711.00489. So the batch grows where the factor of a schedule
falls, up to a largest one; beyond it the rate falls.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from landscape_core.labs._least_squares import Array, Indices, LeastSquares


@dataclass(frozen=True, eq=False)
class Courses:
    """What happens at each example of each run, (runs, K).

    Where a batch ends (`ends`) the sum of its gradients is subtracted, times η₀ and the gain; with
    B examples (`sizes`) its learning rate is B times the gain.
    """

    gains: Array
    ends: npt.NDArray[np.bool_]
    sizes: Indices


def courses(factors: Array, largest: int) -> Courses:
    """A constant rate, one with these factors (K,), and a batch that grows up to `largest`.

    A batch that is cut short by the end makes no step.
    """
    batches = growing(factors, largest)
    K, after = len(factors), np.cumsum(batches)
    begun = np.repeat(factors[after - batches], batches)[:K]
    sizes, each = np.repeat(batches, batches)[:K], np.ones(K, int)
    whole = np.isin(np.arange(1, K + 1), after)
    return Courses(
        np.stack([np.ones(K), factors, begun]),
        np.stack([each > 0, each > 0, whole]),
        np.stack([each, each, sizes]),
    )


def growing(factors: Array, largest: int) -> Indices:
    """Sizes of consecutive batches, one over the factor of the schedule where each begins.

    At most `largest`; the last one may go beyond the end of the factors.
    """
    sizes, at = [], 0
    while at < len(factors):
        sizes.append(largest if factors[at] * largest <= 1 else round(1 / factors[at]))
        at += sizes[-1]
    return np.array(sizes)


def descent(data: LeastSquares, orders: Indices, course: Courses) -> Iterator[Array]:
    """The iterates (runs, samplers, d) of SGD after each example of the orders (samplers, K)."""
    theta = np.repeat(data.start[None, None], len(orders), 1).repeat(len(course.gains), 0)
    total = np.zeros_like(theta)
    inputs, targets = data.A[orders.T], data.b[orders.T]
    gains = data.rate * np.where(course.ends, course.gains, 0.0).T[..., None, None]
    kept = ~course.ends.T[..., None, None]
    for a, b, gain, keep in zip(inputs, targets, gains, kept, strict=True):
        total += ((theta * a).sum(-1) - b)[..., None] * a
        theta = theta - gain * total
        total *= keep
        yield theta
