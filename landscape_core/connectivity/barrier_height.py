"""The height of a barrier between two networks: that of the loss above the line of its ends."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def barrier(losses: Floats) -> Floats:
    """By how much losses (..., n) at even places exceed the line between their ends at most, (...).

    NaN or infinity on the way or at the ends gives NaN or infinity.
    """
    t = np.linspace(0, 1, losses.shape[-1])
    with np.errstate(invalid="ignore"):  # infinity less infinity
        straight = (1 - t) * losses[..., :1] + t * losses[..., -1:]
        return np.asarray((losses - straight).max(axis=-1))
