"""How far the numbers of a slice can be relied on, in words: the one home of such statements.

Each function reads the attributes of a slice; docs/slices.md lists these. Where there is little
room, as in the line below the picture of a page, the words are `brief`.
"""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

from landscape_lab.figures import stated

LIMIT = "at most about 60 % of the points are computed"
"""Why a tolerance can be out of reach."""


def reliability(slice_: xr.Dataset, *, brief: bool = False) -> Iterator[str]:
    """All statements: points computed, error of the others, checks, random numbers, extent."""
    if "computed" in slice_:
        yield computed(slice_, brief=brief)
    if missed := unreached(slice_, brief=brief):
        yield missed
    yield from checks(slice_, brief=brief)
    draws = int(slice_.attrs.get("draws", 0))
    if draws > 1:
        yield f"the loss is random: mean of {draws} draws, the same ones at every point"
    elif draws:
        yield "the loss is random; the same random numbers are used at every point (one draw)"
    for words in standard_error(slice_):
        yield words.replace(" at the current parameters", "") if brief else words
    yield from estimated_path(slice_, brief=brief)
    if reason := slice_.attrs.get("span_reason"):
        yield "extent chosen by a rule" if brief else f"extent: {reason}"


def estimated_path(slice_: xr.Dataset, *, brief: bool = False) -> Iterator[str]:
    """That the path is known by random projections of its states, and how sure it is."""
    numbers = np.ravel(slice_.attrs.get("path_projection", ()))
    if not numbers.size or numbers.dtype.kind not in "iuf":
        return
    if brief:
        yield "path estimated"
        return
    errors = np.ravel(slice_.attrs.get("path_standard_error", ()))
    known = errors.size and errors.dtype.kind == "f"
    sure = f" (standard error up to {errors.max():.2g})" if known else ""
    yield f"path estimated from {numbers.min():.0f} random projections of each state{sure}"


def computed(slice_: xr.Dataset, *, brief: bool = False) -> str:
    """How many points were computed, and how far the others may be off."""
    mask = slice_["computed"].values
    words = f"{int(mask.sum())} of {mask.size} points computed"
    if mask.all():
        return words
    if "not_computed" in slice_.attrs:  # of a file that another program has not finished
        return f"{words}, the others missing"
    error = stated_error(slice_)
    if not error:
        return f"{words}, the others interpolated"
    if brief:
        return f"{words}, others within about {error.partition(' (')[0]}"
    return f"{words}, the others interpolated: estimated largest error {error}"


def stated_error(slice_: xr.Dataset) -> str:
    """The estimated largest error, in units of the loss and as a share; empty if none is stated.

    On the linear scale `0.054 (0.31 % of the range of the loss)`, on the logarithmic one
    `a factor of 1.09 (1 % of the range of log10 loss)`. Of several splits it is that of the one
    with the largest range.
    """
    share = stated.number(slice_.attrs.get("estimated_error"))
    if share is None or not math.isfinite(share):
        return ""
    error, logged = share * _range(slice_), _logged(slice_)
    told = f"a factor of {10.0 ** min(error, 300):.3g}" if logged else f"{error:.2g}"
    return f"{told} ({percent(share)} of the range of {_of(logged=logged)})"


def asked_tolerance(slice_: xr.Dataset) -> str:
    """The tolerance that was asked for: `tolerance 1 % of the range of the loss`; else empty."""
    asked = _tolerance(slice_)
    return (
        f"tolerance {percent(asked)} of the range of {_of(logged=_logged(slice_))}" if asked else ""
    )


def unreached(slice_: xr.Dataset, *, brief: bool = False) -> str:
    """That a tolerance was asked for and not reached; else empty."""
    finished = "checked_points" in slice_.attrs
    if not finished or slice_.attrs.get("tolerance_reached", 1):
        return ""
    asked = percent(_tolerance(slice_))
    if brief:
        return f"tolerance {asked} not reached"
    return f"the tolerance of {asked} was not reached: {LIMIT}"


def checks(slice_: xr.Dataset, *, brief: bool = False) -> Iterator[str]:
    """How many points were compared with the plain evaluation, and how far off they were."""
    count = slice_.attrs.get("checked_points")
    if count is None:  # not finished
        return
    if not count:
        if set(np.ravel(slice_.attrs.get("strategy", ""))) == {"loop"}:
            yield "every computed point is from the plain evaluation"
        return
    words = f"{count} of {count} checked points agree"
    off = stated.number(slice_.attrs.get("checked_deviation"))
    if brief or off is None:  # of several planes only the sum is known
        yield words
        return
    plain = "your own code evaluated plainly" if "model" in slice_.attrs else "the plain evaluation"
    told = f"largest relative difference {off:.0e}" if off else "no difference"
    yield f"{words} with {plain} ({told.replace('e-0', 'e-')})"


def products(found: xr.Dataset) -> Iterator[str]:
    """Of curvature: on which examples, how their losses add up, and what was compared."""
    attrs = found.attrs
    if "additivity" in attrs and "examples_of" in attrs:
        kind, coupled, rest = attrs["additivity"].partition(";")
        what = "loss" if kind == "neither" else f"{kind} loss"
        yield f"{what} over {attrs['examples']} of {attrs['examples_of']} examples{coupled}{rest}"
    if "checked_products" in attrs:
        yield _checked_products(attrs["checked_products"], attrs["checked_deviation"])


def _checked_products(count: int, deviation: float) -> str:
    """How many matrix-vector products were compared, and how far off they were."""
    if not count:
        return "no matrix-vector product checked"
    told = f"relative difference at most {deviation:.0e}" if deviation else "no difference"
    many = "products" if count > 1 else "product"
    return f"{count} matrix-vector {many} checked against plain differentiation: {told}"


def standard_error(slice_: xr.Dataset) -> Iterator[str]:
    """The standard error of the loss where the network is as it is now, on part of the data."""
    words = "standard error of the loss at the current parameters"
    if slice_.attrs.get("standard_error", 0.0) > 0:  # NaN: the loss does not tell
        yield f"{words}: {slice_.attrs['standard_error']:.2g}"
    elif "loss_standard_error" in slice_ and "step" not in slice_["loss_standard_error"].dims:
        errors = slice_["loss_standard_error"]
        sides = [dim for dim in ("alpha", "beta") if dim in errors.dims]
        if any(not slice_[dim].min() <= 0 <= slice_[dim].max() for dim in sides):
            return
        centre = errors.sel(dict.fromkeys(sides, 0.0), method="nearest")
        if "given_points" in slice_.attrs:
            words = "standard error of the loss at point 1"
        if "split" not in centre.dims:
            yield f"{words}: {float(centre):.2g}"
            return
        found = [f"{float(one):.2g} ({one['split'].item()})" for one in centre]
        yield f"{words}: {', '.join(found) if len(found) > 1 else f'{float(centre[0]):.2g}'}"


def statistics(slice_: xr.Dataset, *, brief: bool = False) -> str:
    """Which statistics batch normalization used; empty for a network without it."""
    attrs = slice_.attrs
    choice, meaning = attrs.get("batch_norm", "none"), attrs.get("statistics", "")
    if choice == "none" or not meaning:
        return ""
    held = int(attrs.get("held_variances", 0))
    if brief:
        return f"batch norm {choice}" + (f", variances held at {held} points" if held else "")
    raised = f"; variances were held above zero at {held} computed points" if held else ""
    return f"batch norm {choice} ({meaning}{raised})"


def measured_on(curves: xr.Dataset, step: int, split: str, *, brief: bool = False) -> str:
    """On how many examples loss and accuracy along a run were measured at a step; empty: on all.

    `loss and accuracy on 96 of 8,000 train examples, loss ± 0.04 (standard error)`.
    """
    if "examples" not in curves or split not in curves["split"].values:
        return ""
    of_split = curves.sel(split=split)
    here = of_split.sel(step=step, method="nearest")
    count, total = int(of_split["examples"].min()), int(here["examples_of"])
    if count == total:
        return ""
    words = f"{count:,} of {total:,} {split} examples"
    error = float(here.get("loss_standard_error", np.nan))
    told = f", loss ± {error:.2g}" if math.isfinite(error) else ""
    if int(here["examples"]) == total:
        return f"curves on {words}, here on all"
    if brief:
        return f"curves on {words}{told}"
    told += " (standard error)" if told else ""
    return f"loss and accuracy along the run on {words}{told}; on all at its end"


def percent(share: float) -> str:
    """A share in words: `0.31 %`, `1 %`, `60 %`."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _range(slice_: xr.Dataset) -> float:
    """The range of the computed losses on the scale of the tolerance, the largest of the splits."""
    mask = slice_["computed"]
    losses = slice_["loss"].transpose(..., *mask.dims).values[..., mask.values]
    losses = losses.reshape(-1, losses.shape[-1])  # also of one split that was chosen
    if _logged(slice_):
        with np.errstate(divide="ignore", invalid="ignore"):
            losses = np.log10(losses)
    finite = [row[np.isfinite(row)] for row in losses]
    return max((float(np.ptp(row)) for row in finite if len(row)), default=0.0)


def _of(*, logged: bool) -> str:
    return "log10 loss" if logged else "the loss"


def _asked(slice_: xr.Dataset) -> dict[str, object]:
    """The tolerance as a recipe in plain values; empty where every point was asked for."""
    return stated.recipe(slice_.attrs, "tolerance")


def _logged(slice_: xr.Dataset) -> bool:
    return _asked(slice_).get("scale") == "log"


def _tolerance(slice_: xr.Dataset) -> float:
    return stated.number(_asked(slice_).get("relative_tolerance")) or 0.0
