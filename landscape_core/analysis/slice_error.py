"""Error bound of the loss at each point of a slice, from what the slice states of itself.

The bound is the sum of what applies:

- interpolation: the attribute `estimated_error` (a fraction of the range of the loss, or of its
  logarithm, as the tolerance says) where a point was not computed;
- sampling: z times the standard error where the loss is a mean over part of the data or over random
  draws, from the variable `loss_standard_error` or the attribute `standard_error`;
- arithmetic: a fraction of the loss, the larger of `checked_deviation`, the largest relative
  difference from the plain evaluation at checked points, and of rounding in the slice's precision.

It is infinite where an error exists and nothing is known of its size. All are errors of the values
at the points; what lies between the points of a grid is not covered.
"""

import json
from dataclasses import dataclass
from numbers import Real

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.analysis.slice_metrics import ROUNDING
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage import schema

Floats = npt.NDArray[np.float64]

NAMED = 0.01
"""The fraction of the largest error from which a part of it is named."""

Z = 1.96
"""Standard errors that are counted as the sampling error: a 95 % interval at each point."""


@dataclass(frozen=True, eq=False)
class SliceError:
    """The bound (beta, alpha) or (alpha,), in units of the loss, and the parts that matter."""

    values: Floats
    sources: tuple[str, ...]


def loss_of(slice_: xr.Dataset, split: str) -> Floats:
    """The loss of one part of the data, (beta, alpha) or (alpha,).

    Raises:
        SpecError: the slice has no such split.
        FileFormatError: the dataset is no slice.
    """
    known = [str(name) for name in schema.check(slice_)[schema.SPLIT].values]
    if split not in known:
        raise SpecError("split", split, "one of " + ", ".join(known))
    return slice_[schema.LOSS].sel({schema.SPLIT: split}).values.astype(np.float64)


def slice_error(slice_: xr.Dataset, split: str = "train", *, z: float = Z) -> SliceError:
    """Bound the error of the loss of one split at each point; 0 where the loss is not finite.

    Args:
        slice_: dims (split, beta, alpha) or (split, alpha).
        split: which part of the data.
        z: how many standard errors count.

    Raises:
        SpecError: an unknown split, or a z that is negative or not finite.
        FileFormatError: the dataset is no slice.
    """
    if not 0 <= z < np.inf:
        raise SpecError("z", z, "at least 0 and finite")
    loss = loss_of(slice_, split)
    finite = np.isfinite(loss)
    size = np.where(finite, np.abs(loss), 0.0)
    parts = {
        "interpolation": _interpolation(slice_, loss),
        "sampling": z * _standard_error(slice_, split),
        "arithmetic": relative_rounding(slice_) * size,
    }
    largest = {name: float(part[finite].max(initial=0.0)) for name, part in parts.items()}
    least = NAMED * max(largest.values())
    used = tuple(name for name, most in largest.items() if most > 0 and most >= least)
    return SliceError(np.where(finite, sum(parts.values()), 0.0), used)


def relative_rounding(slice_: xr.Dataset) -> float:
    """The arithmetic error of a slice's values as a fraction of each value.

    Raises:
        FileFormatError: the attribute `checked_deviation` is negative, or no number.
    """
    return max(_deviation(slice_), ROUNDING * _eps(slice_))


def _interpolation(slice_: xr.Dataset, loss: Floats) -> Floats:
    """The estimated error of interpolated points; infinite where none is stated."""
    computed = slice_[schema.COMPUTED].values
    share = _stated(slice_, "estimated_error", np.nan)
    known = loss[computed & np.isfinite(loss)]
    if computed.all():
        return np.zeros(loss.shape)
    if not np.isfinite(share) or not known.size:
        return np.where(computed, 0.0, np.inf)
    if _tolerance_scale(slice_) != "log":
        return np.where(computed, 0.0, share * float(np.ptp(known)))
    positive = known[known > 0]
    decades = share * float(np.ptp(np.log10(positive))) if positive.size else np.inf
    factor = 10.0 ** min(decades, 300.0)
    return np.where(computed | ~(loss > 0), 0.0, np.abs(loss) * (factor - 1))


def _standard_error(slice_: xr.Dataset, split: str) -> Floats:
    """The standard error of the mean loss; infinite where the loss does not tell it."""
    shape = slice_[schema.COMPUTED].shape
    if schema.STANDARD_ERROR in slice_:
        errors = slice_[schema.STANDARD_ERROR].sel({schema.SPLIT: split}).values.astype(np.float64)
    else:
        errors = np.full(shape, _stated(slice_, "standard_error", 0.0))
    return np.where(np.isnan(errors), np.inf, errors)


def _deviation(slice_: xr.Dataset) -> float:
    """The largest relative difference that spot checks found; 0 without checks."""
    found = _stated(slice_, "checked_deviation", 0.0)
    return found if np.isfinite(found) else 0.0


def _eps(slice_: xr.Dataset) -> float:
    """The machine epsilon of the type in which the slice was computed."""
    found = getattr(torch, str(slice_.attrs.get("dtype", "float64")), None)
    known = isinstance(found, torch.dtype) and found.is_floating_point
    dtype: torch.dtype = found if known and found is not None else torch.float64
    return float(torch.finfo(dtype).eps)


def _stated(slice_: xr.Dataset, name: str, usual: float) -> float:
    """The number in an attribute, which may be NaN or infinite.

    Raises:
        FileFormatError: it is negative, or no number.
    """
    found = slice_.attrs.get(name, usual)
    if isinstance(found, bool) or not isinstance(found, Real) or found < 0:
        raise FileFormatError(
            f"the attribute {name!r} must be a number of at least 0; it is {found!r:.60}."
        )
    return float(found)


def _tolerance_scale(slice_: xr.Dataset) -> str:
    """The scale on which the error of interpolated points was estimated.

    Raises:
        FileFormatError: the attribute `tolerance` is no recipe.
    """
    text = slice_.attrs.get("tolerance") or "{}"
    try:
        asked = json.loads(text)
    except (TypeError, ValueError) as error:
        raise FileFormatError(
            f"the attribute 'tolerance' must be JSON; it is {text!r:.60}."
        ) from error
    return str(asked.get("scale", "linear")) if isinstance(asked, dict) else "linear"
