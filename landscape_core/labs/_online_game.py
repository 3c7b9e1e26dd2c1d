"""Reddi's game for several players at once: Reddi, Kale, Kumar, 2018, arXiv:1904.09237, theorem 2.

At step t a player at x in [−1, 1] pays f(x) = s x with the slope s = C if t mod C = 1, else −1.
Over C steps the slopes sum to 1, so that x = −1 is best. The players step by α / √t: gradient
descent, Adam and AMSGrad with β₁ = 0, as in `adam.py` and `amsgrad.py` of the optimizers, to which
a test compares them; afterwards x is projected to [−1, 1]. In NumPy a step takes microseconds.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

PLAYERS = ("gradient descent", "Adam", "AMSGrad")
RATE = 0.5
"""The step size α."""
EPSILON = 1e-16


def played(
    periods: Array, beta2: Array, start: float, steps: int
) -> Iterator[tuple[int, Array, Array]]:
    """Yield t, x and the regret after every step, the last two (3, G), for G games.

    Args:
        periods: C of each game, shape (G,), at least 3.
        beta2: β₂ of Adam and AMSGrad in each game, shape (G,).
        start: where all players begin.
        steps: how many steps are played.
    """
    x = np.full((len(PLAYERS), len(periods)), start)
    regret, scales = np.zeros_like(x), np.ones_like(x)
    v, u, kept = np.zeros_like(beta2), np.zeros_like(beta2), np.ones_like(beta2)
    for t in range(1, steps + 1):
        slopes = np.where(t % periods == 1, periods, -1.0)
        regret = regret + slopes * (x + 1.0)
        v = beta2 * v + (1.0 - beta2) * slopes**2
        u, kept = np.maximum(u, v), beta2 * kept
        scales[1], scales[2] = np.sqrt([v, u] / (1.0 - kept)) + EPSILON
        x = np.clip(x - RATE / t**0.5 * slopes / scales, -1.0, 1.0)
        yield t, x, regret


def of_the_worst(regret: Array, periods: Array, steps: int) -> Array:
    """The regret relative to that of staying at x = 1, the worst point."""
    worst = 2.0 * np.array([_summed(int(period), steps) for period in periods])
    return np.asarray(regret / worst)


def _summed(period: int, steps: int) -> float:
    """The sum of the slopes of the first steps."""
    steep = (steps + period - 1) // period
    return float(period * steep - (steps - steep))
