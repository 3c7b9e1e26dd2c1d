"""`ll.plot`: a result as a picture of Matplotlib; the same for exports and the command line."""

import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures.captions import caption as caption_of
from landscape_lab.figures.captions import caption_of_several
from landscape_lab.figures.color_schemes import LIGHT
from landscape_lab.figures.matplotlib.base import (
    SCALE,
    Drawable,
    Drawing,
    Place,
    PlotOptions,
    kinds,
    spec_error,
)
from landscape_lab.figures.matplotlib.figure_style import (
    USUAL,
    FigureStyle,
    checked_style,
    recolored,
)
from landscape_lab.figures.matplotlib.options import checked_options
from landscape_lab.figures.matplotlib.paper import Caption, blank, content, sizes
from landscape_lab.figures.reliability import computed
from landscape_lab.figures.slice_parts import SIDES, with_coordinates

UNEVEN = 1e-3
"""Steps of a coordinate that differ by more than this fraction of their mean are not even."""

Plotted = xr.Dataset | xr.DataArray | Mapping[str, xr.Dataset] | Sequence[xr.Dataset]


def plot(  # noqa: PLR0913 - every choice in one line is what it is for
    dataset: Plotted,
    kind: str | None = None,
    *,
    ax: Any = None,
    path: bool = True,
    scale: str = SCALE,
    limits: tuple[float, float] | None = None,
    cmap: Any = None,
    variable: str | None = None,
    split: str | None = None,
    caption: bool = True,
    camera: Any = None,
    width: Any = None,
    font: str = "sans",
    theme: str = "light",
) -> Any:
    """Draw a result with Matplotlib, as the app draws it; the main Axes comes back.

    Slices, lines, connections, convexity maps, spectra, curvature along a run, ensembles of planes,
    trajectories and diagnostics are known by their variables. Several slices, in a list or by name,
    are compared. Contour lines have their values; the path, its start, its last and its best point,
    the lowest point of the picture, given states, computed points and what is not finite are
    marked. Without `ax` the figure is new: a notebook and `plt.show()` show it wherever Matplotlib
    is in use, and `axes.figure.savefig` writes it.

    Args:
        dataset: the result, or several slices to compare.
        kind: which picture, for instance `surface` for a slice in 3-D; by default as fits.
        ax: the Axes to draw on; pictures of several panels divide the place of one made by
            `subplots`, a line and a spectrum draw their main panel alone.
        path: whether paths are drawn.
        scale: `linear` or `log` losses; densities of eigenvalues are always logarithmic.
        limits: values of the first and the last colour, or of the ends of the vertical axis.
        cmap: colours from low to high, a name or a Colormap of Matplotlib; by default the app's.
        variable: what is shown; by default the loss, and the accuracy below the loss of a line.
        split: which part of the data; by default `train`, and every part of a line.
        caption: whether a new figure has the settings and the estimated error below the picture.
        camera: azimuth and elevation in degrees of a surface, and as a third number the distance
            in half-widths of the surface.
        width: of a new figure: `column` (3.25 inches), `page` (6.75) or inches.
        font: of a new figure: `sans`, `serif` (as Times) or `tex` (as LaTeX's own).
        theme: of a new figure: `light`, `dark`, `transparent` or `dark-transparent`.

    Raises:
        SpecError: a dataset that no picture is known for, or a value that is not accepted.
    """
    drawn, drawing = drawing_of(dataset, kind)
    options = checked_options(
        drawn, drawing, path=path, scale=scale, limits=limits, cmap=cmap, variable=variable,
        split=split, camera=camera,
    )  # fmt: skip
    style = checked_style(width=width, font=font, theme=theme)
    if ax is None:
        settings = _settings(drawn) if caption else ""
        return _draw(drawn, drawing, options, settings=settings, style=style)
    if style != USUAL:
        raise spec_error(
            "width, font and theme", style, "left out with ax, whose figure has its own"
        )
    _check_axes(ax)
    axes = _on(Place(ax.figure, ax), drawn, drawing, options)
    _state_error(axes, drawn)
    return axes


def picture(
    dataset: Plotted,
    form: str,
    kind: str | None = None,
    *,
    sentence: str = "",
    settings: str | None = None,
    style: FigureStyle = USUAL,
    **options: Any,
) -> bytes:
    """The figure that `plot` draws as the bytes of a PNG, SVG, PDF or PGF file.

    Args:
        dataset: the result, or several slices to compare.
        form: `png`, `svg`, `pdf`, or `pgf`, an archive.
        kind: which picture; by default as fits.
        sentence: stands above the settings.
        settings: stand below the picture; by default what the attributes of the dataset tell.
        style: width, font, colours, whether there is a caption.
        options: as those of `plot` that say what is shown.

    Raises:
        SpecError: as `plot`.
    """
    drawn, drawing = drawing_of(dataset, kind)
    chosen = checked_options(drawn, drawing, **options)
    told = _settings(drawn) if settings is None else settings
    if style.caption != "below":
        sentence = told = ""
    axes = _draw(
        drawn, drawing, chosen, settings=told, sentence=sentence, hidden=True, style=style
    )  # fmt: skip
    return content(axes.figure, form, style)


def caption_text(dataset: Plotted, sentence: str = "", settings: str | None = None) -> str:
    """What would stand below a picture, as plain text: a sentence, and all settings."""
    told = _settings(_drawable(dataset)) if settings is None else settings
    return "\n".join(filter(None, (sentence, told)))


def drawing_of(dataset: Plotted, kind: str | None = None) -> tuple[Drawable, Drawing[Any]]:
    """The dataset as it is drawn, and the kind that draws it.

    Raises:
        SpecError: no kind draws it, or the one asked for does not.
    """
    known = kinds()
    drawn = _drawable(dataset)
    if kind is not None:
        if not isinstance(kind, str) or kind not in known:
            near = difflib.get_close_matches(str(kind), known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise spec_error("kind", kind, "one of " + ", ".join(known) + hint)
        if not known[kind].draws(drawn):
            raise spec_error(f"the dataset of kind {kind!r}", _Told(drawn), known[kind].needs)
        return drawn, known[kind]
    for drawing in known.values():
        if drawing.draws(drawn):
            return drawn, drawing
    either = "; or "
    needed = dict.fromkeys(need for one in known.values() for need in one.needs.split(either))
    raise spec_error("the dataset", _Told(drawn), either.join(needed))


class _Told:
    """A dataset in a message: its variables with their dimensions, in one line."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __repr__(self) -> str:
        if isinstance(self._dataset, xr.Dataset):
            told = [
                f"{name} ({', '.join(map(str, one.dims))})"
                for name, one in list(self._dataset.items())[:8]
            ]
            return f"a dataset of {', '.join(told)}" if told else "a dataset without variables"
        if isinstance(self._dataset, Mapping):
            return "; ".join(f"{name}: {_Told(one)!r}" for name, one in self._dataset.items())
        return repr(self._dataset)[:200]


def _drawable(dataset: Any) -> Drawable:
    """A dataset, or several by name."""
    if isinstance(dataset, xr.Dataset):
        return _with_sides(dataset)
    if isinstance(dataset, xr.DataArray):
        return _with_sides(dataset.to_dataset(name=str(dataset.name or "loss")))
    several: dict[str, Any] = {}
    if isinstance(dataset, Mapping):
        several = {str(name): one for name, one in dataset.items()}
    elif isinstance(dataset, list | tuple):
        several = {chr(ord("A") + number): one for number, one in enumerate(dataset)}
    if not several or not all(isinstance(one, xr.Dataset) for one in several.values()):
        raise spec_error("the dataset", _Told(dataset), "an xarray.Dataset, or several by name")
    return {name: _with_sides(one) for name, one in several.items()}


def _with_sides(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with coordinates along its sides, which a picture can show.

    Raises:
        SpecError: they are no finite numbers, none at all, or those of a plane are not evenly
            spaced; or a variable holds Python objects.
    """
    found = with_coordinates(dataset)
    for name, column in found.data_vars.items():
        if column.dtype == object and not all(isinstance(one, str) for one in column.values.flat):
            accepted = "of numbers, for instance by .astype(float)"
            raise spec_error(f"the variable {name}", "Python objects", accepted)
    sides = [side for side in SIDES if side in found.dims]
    for side in sides:
        values = found[side].values
        if not values.size:
            raise spec_error(f"the size of {side}", 0, "at least 1")
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            shown = "NaN or infinity" if values.dtype.kind == "f" else str(values.dtype)
            raise spec_error(f"the coordinate {side}", shown, "finite numbers")
        steps = np.diff(np.sort(values.astype(float)))
        if len(sides) == 2 and steps.size and np.ptp(steps) > UNEVEN * steps.mean():
            accepted = "evenly spaced, as in a slice; choose a range by slice(low, high)"
            raise spec_error(f"the coordinate {side}", _short(values), accepted)
    return found


def _short(values: Any) -> str:
    """The first values of a coordinate in a message."""
    words = ", ".join(f"{value:.4g}" for value in values[:5])
    return f"{words}, ..." if len(values) > 5 else words


def _check_axes(ax: Any) -> None:
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise spec_error("ax", ax, "an Axes of Matplotlib")
    if ax.figure is None:
        raise spec_error("ax", "an Axes that was removed from its figure", "one of a figure")


def _settings(dataset: Drawable) -> str:
    """The caption of a dataset, or of several together."""
    return caption_of(dataset) if isinstance(dataset, xr.Dataset) else caption_of_several(dataset)


def _draw(  # noqa: PLR0913 - what, how, and what is said of it
    dataset: Drawable,
    drawing: Drawing[Any],
    options: PlotOptions,
    *,
    settings: str,
    sentence: str = "",
    hidden: bool = False,
    style: FigureStyle = USUAL,
) -> Any:
    """Draw on a new figure with a caption; `hidden`: none that Matplotlib shows by itself."""
    width, height = style.size(drawing.size(dataset))
    below = Caption(sentence, settings, width)
    size = (width, height + below.height)
    with sizes(style):
        figure = blank(size) if hidden else _new_figure(size)
        axes = drawing.draw(Place(figure), dataset, options)
        if below.height:
            below.put(figure)
        if style.scheme is not LIGHT:
            recolored(figure, style.scheme)
    return axes


def _on(place: Place, dataset: Drawable, drawing: Drawing[Any], options: PlotOptions) -> Any:
    with sizes():
        return drawing.draw(place, dataset, options)


def _new_figure(size: tuple[float, float]) -> Any:
    """A figure that a notebook or `plt.show()` shows, where either is in use.

    Elsewhere, as in a server or a script that only writes files, `pyplot` is not loaded, and
    nothing holds the figure except its caller.
    """
    if "matplotlib.pyplot" in sys.modules or _in_notebook():
        from matplotlib import pyplot

        return pyplot.figure(figsize=size, layout="constrained")
    return blank(size)


def _in_notebook() -> bool:
    """Whether IPython or a kernel of Jupyter runs this process."""
    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


def _state_error(axes: Any, dataset: Drawable) -> None:
    """Say below the Axes of the caller what is interpolated, and how far that may be off."""
    if not isinstance(dataset, xr.Dataset) or not {"computed", "loss"} <= set(dataset):
        return
    if axes.get_xlabel() and not bool(dataset["computed"].all()):
        axes.set_xlabel(f"{axes.get_xlabel()}\n{computed(dataset, brief=True)}")
