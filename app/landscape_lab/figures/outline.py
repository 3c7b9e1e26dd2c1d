"""The region of a slice below a loss: its outline, and the fraction of the slice that it takes."""

from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures.annotations import equal, joined
from landscape_lab.figures.pixels import Array, finer


def share_below(losses: Array, level: float) -> float:
    """The fraction of the points (beta, alpha) with a loss below a level; NaN is not below."""
    return float((losses < level).mean()) if losses.size else 0.0


def outline(losses: Array, alpha: Array, beta: Array, level: float) -> dict[str, Any]:
    """The line between below and above a level, as columns `x_low` and `y_low` with gaps."""
    found: list[Array | None] = []
    if level:
        positive = bool((losses > 0).all())
        heights, at = (np.log10(losses), np.log10(level)) if positive else (losses, level)
        smooth = finer(heights)[0] if np.isfinite(heights).all() else heights
        found = equal(smooth, alpha, beta, np.array([at]))
    columns = joined([line for line in found if line is not None], [])
    return {name: columns[name] for name in ("x_low", "y_low")}


def words_of(losses: Array, level: float) -> str:
    """What is said of the region: `loss < 0.1 on 12 % of the slice`."""
    percent = 100 * share_below(losses, level)
    said = f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}"
    return f"loss < {level:g} on {said} % of the slice"


def stated_region(
    slice_: xr.Dataset, split: str, level: float
) -> tuple[str, dict[str, Any] | None]:
    """What is said in brackets of the region of a slice below a loss, and its outline, if any."""
    if not level:
        return "", None
    losses = slice_["loss"].sel(split=split).transpose("beta", "alpha")
    sides = (losses["alpha"].values, losses["beta"].values)
    return f" ({words_of(losses.values, level)})", outline(losses.values, *sides, level)
