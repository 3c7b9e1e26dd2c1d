"""What is drawn on a picture of the landscape: lines with values, the path's dots, the minimum."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

import contourpy
import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import stated, theme
from landscape_lab.figures.color_schemes import css
from landscape_lab.figures.pixels import Array, narrow
from landscape_lab.figures.reduced import over

DOTS = 12
"""Dots along the path, at most."""


def lowest(raw: Array, alpha: Array, beta: Array) -> tuple[float, float] | None:
    """Where the smallest finite value (beta, alpha) lies; None if none is, or all are equal."""
    finite = raw[np.isfinite(raw)]
    if finite.size == 0 or finite.min() == finite.max():
        return None
    row, column = np.unravel_index(np.where(np.isfinite(raw), raw, np.inf).argmin(), raw.shape)
    return float(alpha[column]), float(beta[row])


def best(path: xr.Dataset, here: int) -> int | None:
    """The index of the lowest true loss up to an index, if one is known."""
    if "loss" not in path:
        return None
    losses = path["loss"].values[: here + 1]
    known = np.isfinite(losses) & np.isfinite(path["alpha"].values[: here + 1])
    known &= np.isfinite(path["beta"].values[: here + 1])
    return int(np.where(known, losses, np.inf).argmin()) if known.any() else None


def dots(steps: npt.NDArray[np.integer[Any]]) -> tuple[int, list[int]]:
    """A round number of steps, and the indices of the recorded steps nearest to its multiples."""
    extent = int(steps[-1] - steps[0]) if len(steps) else 0
    if extent < 2:
        return 0, []
    rounds = (m * 10**power for power in range(12) for m in (1, 2, 5))
    every = next(number for number in rounds if extent <= DOTS * number)
    wanted = np.arange(every * (int(steps[0]) // every + 1), int(steps[-1]), every)
    return every, sorted({int(np.abs(steps - step).argmin()) for step in wanted})


def looked_at(
    alpha: float, beta: float, values: Mapping[str, float], names: tuple[str, str] = ("α", "β")
) -> str:
    """Which network it is that lies at a point of the plane, in short lines.

    Args:
        alpha: the first coordinate of the point.
        beta: the second.
        values: of it, as `train_loss` and `test_accuracy`.
        names: of the axes.
    """
    lines = [f"The network at {names[0]} {_short(alpha)}, {names[1]} {_short(beta)}"]
    for split, part in (("train", "training"), ("test", "test")):
        told = []
        if f"{split}_loss" in values:
            told.append(f"loss {values[f'{split}_loss']:.3g}")
        if f"{split}_accuracy" in values:
            told.append(f"accuracy {100 * values[f'{split}_accuracy']:.1f} %")
        if told:
            lines.append(f"{part} " + ", ".join(told))
    return "\n".join(lines)


def equal(heights: Array, alpha: Array, beta: Array, levels: Array) -> list[Array | None]:
    """The line of each level with gaps (N, 2), or None; heights may be finer than the sides."""
    ends = zip((alpha, beta), heights.shape[::-1], strict=True)
    sides = [np.linspace(side[0], side[-1], count) for side, count in ends]
    generator = contourpy.contour_generator(
        x=sides[0],
        y=sides[1],
        z=np.ma.masked_invalid(heights),
        line_type=contourpy.LineType.ChunkCombinedNan,
    )
    return [generator.lines(level)[0][0] for level in levels]


def joined(low: list[Array], high: list[Array]) -> dict[str, Any]:
    """Lines as two pairs of columns of equal length, with gaps: few bytes, few messages."""
    gap = np.full((1, 2), np.nan)
    chains = [
        np.concatenate([piece for line in lines for piece in (line, gap)] or [gap])
        for lines in (low, high)
    ]
    columns: dict[str, Any] = {}
    longest = max(map(len, chains))
    for name, chain in zip(("low", "high"), chains, strict=True):
        padded = np.pad(chain, ((0, longest - len(chain)), (0, 0)), constant_values=np.nan)
        columns |= {f"x_{name}": narrow(padded[:, 0]), f"y_{name}": narrow(padded[:, 1])}
    return columns


def labels(found: list[tuple[str, Array]], alpha: Array, beta: Array) -> dict[str, Any]:
    """A word on each line, near a slanted ray through the picture where lines seldom crowd."""
    corner = np.array([alpha[0], beta[0]])
    extent = np.array([alpha[-1], beta[-1]]) - corner
    places: list[Array] = []
    words: list[str] = []
    for word, line in found:
        at = (line - corner) / extent
        inside = at[((at > 0.06) & (at < 0.94)).all(axis=1)]
        if len(inside) == 0:
            continue
        best = inside[np.abs(inside @ (-0.5, 1.0) - 0.3).argmin()]
        if all(np.abs((best - place) / (0.09, 0.05)).max() > 1 for place in places):
            places.append(best)
            words.append(word)
    where = np.array(places).reshape(-1, 2) * extent + corner
    return {"x": narrow(where[:, 0]), "y": narrow(where[:, 1]), "text": words}


def _short(coordinate: float) -> str:
    return f"{coordinate:.3g}".replace("-", "−")


def named(axis: xr.DataArray) -> str:
    """What an axis is called."""
    return str(axis.attrs.get("long_name", axis.name))


def short_names(slice_: xr.Dataset | xr.DataArray) -> tuple[str, str]:
    """What the axes of a plane are called where there is little room: `PC1`, `PC2`."""
    alpha, beta = (named(slice_[side]).partition(" (")[0] for side in ("alpha", "beta"))
    return {"alpha": "α"}.get(alpha, alpha), {"beta": "β"}.get(beta, beta)


def tip_of(names: tuple[str, str], words: str, small: str) -> str:
    """HTML of what the pointer reads on a plane: `words`, and the coordinates by the axes' names.

    Args:
        names: of the axes.
        words: HTML with the value, `@values{custom}` or another.
        small: the font, as in CSS.
    """
    alpha, beta = (html.escape(name) for name in names)
    ink, muted = css(theme.INK), css(theme.MUTED)
    return f"""<div style="font: {small}; color: {ink}">{words}
        <span style="color: {muted}">{alpha} $x{{custom}} · {beta} $y{{custom}}</span></div>"""


def exact_tip(names: tuple[str, str]) -> str:
    """As `tip_of`, with whether the value was computed in the column `exact`.

    The coordinates are those of the point that has the value.
    """
    whether = f'<span style="color: {css(theme.MUTED)}">@exact{{custom}}</span>'
    words, small = f"<b>@values{{custom}}</b> {whether}<br>", f"{theme.NORMAL} {theme.FONT}"
    return tip_of(names, words, small)


def part_of(split: str) -> str:
    """What a split is called before `loss`."""
    return "training" if split == "train" else split


def minimized(slice_: xr.Dataset) -> bool:
    """Whether the value that is drawn is a loss, whose lowest point is what a run looks for."""
    return "value" not in slice_.attrs


def marked(slice_: xr.Dataset, path: xr.Dataset) -> xr.Dataset:
    """A path as its signs are drawn: without losses, hence without a best point, in a game."""
    return path if minimized(slice_) else path.drop_vars("loss", errors="ignore")


def title_of(slice_: xr.Dataset, variable: str, split: str) -> str:
    """What the heights of a picture are: `training loss`, `value of the game`."""
    end = over(slice_, variable)
    if variable == "loss" and not minimized(slice_):
        return str(slice_.attrs["value"]) + end
    return f"{part_of(split)} {variable}".strip() + end


def own_path(slice_: xr.Dataset) -> xr.Dataset | None:
    """The run's path on a slice: alpha, beta, loss and distance by step; None if it has none."""
    names = [str(name) for name in slice_.data_vars if str(name).startswith("path_")]
    if "path_alpha" not in names or slice_["path_alpha"].dims != ("step",):
        return None
    path = slice_[names].drop_vars(["alpha", "beta"], errors="ignore")
    if "step" not in path.coords:
        path = path.assign_coords(step=np.arange(path.sizes["step"]))
    path = path.dropna("step", subset=["path_alpha"])  # steps that only other runs have
    return path.rename({name: name.removeprefix("path_") for name in names})


def others(slice_: xr.Dataset) -> list[tuple[int, xr.Dataset]]:
    """The other runs on a slice: numbers from 2 on, and alpha, beta and distance by step."""
    if "other_alpha" not in slice_ or "other_beta" not in slice_:
        return []
    names = {f"other_{name}": name for name in ("alpha", "beta", "distance")}
    found = slice_[list(names)].drop_vars(["alpha", "beta"], errors="ignore")
    runs = [found.isel(run=i).dropna("step") for i in range(found.sizes["run"])]
    return [(number, run.rename(names)) for number, run in enumerate(runs, 2)]


def runs(slice_: xr.Dataset) -> list[tuple[str, str, xr.Dataset]]:
    """Name, colour and path of each of several runs on a slice: alpha, beta and others by step."""
    if "path_alpha" not in slice_ or slice_["path_alpha"].dims != ("run", "step"):
        return []
    names = {
        str(name): str(name).removeprefix("path_")
        for name, one in slice_.data_vars.items()
        if str(name).startswith("path_") and one.dims == ("run", "step")
    }
    found = slice_[list(names)].drop_vars(["alpha", "beta", "run"], errors="ignore")
    if "step" not in found.coords:
        found = found.assign_coords(step=np.arange(found.sizes["step"]))
    called = slice_["run"].values if "run" in slice_.coords else range(1, found.sizes["run"] + 1)
    every = []
    for at, name in enumerate(called):
        path = found.isel(run=at).dropna("step", subset=["path_alpha"]).rename(names)
        every.append((str(name), theme.CLASSES[at % len(theme.CLASSES)], path))
    return every


def given_points(slice_: xr.Dataset) -> list[tuple[str, tuple[float, ...]]]:
    """The given states of a line or plane that lie in the picture: `point 1`, its coordinates."""
    found = stated.rows(slice_.attrs, "given_points")
    sides = [slice_[name].values for name in ("alpha", "beta") if name in slice_.dims]
    named = [
        (f"point {number}", tuple(point))
        for number, point in enumerate(found, 1)
        if isinstance(point, list) and all(stated.number(at) is not None for at in point)
    ]
    return [
        (name, point)
        for name, point in named
        if len(point) == len(sides)  # on a line cut from a plane there are none
        and all(side.min() <= at <= side.max() for side, at in zip(sides, point, strict=True))
    ]


def given_marks(slice_: xr.Dataset) -> Iterator[tuple[str, float, float, bool]]:
    """Name and place of each given state in the picture, and whether it lies in the right half.

    On a line its height is the loss of the first split there, if that is finite.
    """
    middle = float(slice_["alpha"].mean())
    for name, (alpha, *rest) in given_points(slice_):
        losses = slice_["loss"].isel(split=0)
        height = rest[0] if rest else np.interp(alpha, losses["alpha"].values, losses.values)
        if np.isfinite(height):
            yield name, alpha, float(height), alpha > middle
