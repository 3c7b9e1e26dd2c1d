"""A picture on paper, in one of the formats there are."""

from collections.abc import Iterator

from landscape_core.foundation.recipes import canonical, to_plain
from landscape_lab.exports._data import Drawn, camera_of_several, drawn, with_path
from landscape_lab.exports._told import sentence
from landscape_lab.exports.base import Compared, Making, Shown
from landscape_lab.figures.captions import caption_of_several
from landscape_lab.figures.comparison_modes import OWN_SURFACES, SURFACES
from landscape_lab.figures.matplotlib.figure_style import FigureStyle
from landscape_lab.figures.matplotlib.plotting import caption_text
from landscape_lab.figures.matplotlib.plotting import picture as drawing
from landscape_lab.state.place import Place

SCALES_OF = {
    SURFACES[0]: "one scale of heights and colours", OWN_SURFACES: "scales of their own",
}  # fmt: skip
"""What is said of the heights of runs that are compared in 3-D."""


def still(shown: Shown, form: str) -> Iterator[Making]:
    """The making of a `png`, `svg`, `pdf` or `pgf` file; compared runs stand side by side."""
    yield Making(0, 1)
    place, picture, compared = shown.place, shown.picture, shown.compared
    seen = drawn(place, picture)
    planes = all("beta" in one.slice.dims for _, _, one in compared)
    if len(compared) > 1 and planes:
        yield _compared(place, seen, compared, form, shown.style)
        return
    kind = ("surface" if seen.deep else "slice") if "beta" in seen.slice.dims else "line"
    deep = {"camera": seen.camera} if kind == "surface" else {}
    looks = seen.looks() | deep if kind != "line" else {"scale": seen.scale}  # it shows all
    words = sentence(picture, seen.variable)
    made = drawing(seen.slice, form, kind, sentence=words, style=shown.style, **looks)
    caption = caption_text(seen.slice, words) if shown.style.caption == "separate" else ""
    yield Making(1, 1, made, caption)


def _compared(
    place: Place, shown: Drawn, compared: Compared, form: str, style: FigureStyle
) -> Making:
    """All of the runs that are compared, what each of them is, and all settings."""
    pictures = [picture for _, _, picture in compared]
    loss = shown.variable == "loss" or any(shown.variable not in one.slice for one in pictures)
    below_zero = loss and any(bool((one.slice["loss"] < 0).any()) for one in pictures)
    variable = "loss" if loss else shown.variable
    panes = {
        name: with_path(one).assign_attrs(run=canonical(to_plain(one.run)))
        for name, _, one in compared
    }
    titled = {f"{name}  {words}": panes[name] for name, words, _ in compared}
    looks = {
        "variable": variable, "split": pictures[0].spec.split, "limits": shown.limits,
        "scale": "linear" if below_zero else shown.scale,
    }  # fmt: skip
    mode = place.scene.display.comparison
    deep = {"camera": camera_of_several(place, pictures, looks)} if mode in SURFACES else {}
    scales = SCALES_OF.get(mode, "one scale of colours")
    told = f"The {variable} of {len(panes)} runs on {scales}, each on its own plane."
    each = " ".join(f"{name}: {sentence(one, variable)}" for name, _, one in compared)
    sentences, settings = f"{told} {each}", caption_of_several(panes)
    made = drawing(
        titled, form, mode if deep else "comparison", sentence=sentences, settings=settings,
        style=style, **looks, **deep,
    )  # fmt: skip
    caption = f"{sentences}\n{settings}" if style.caption == "separate" else ""
    return Making(1, 1, made, caption)
