"""The exponent of a power law in the width of networks, or in another size."""

import math

import numpy as np
import numpy.typing as npt


def slope(sizes: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> float:
    """The slope of log values over log sizes by least squares; NaN where one is not known."""
    if not (values > 0).all():
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
