"""A picture on paper, in one of the formats there are."""

from collections.abc import Iterator

from landscape_lab.exports._data import Drawn, drawn
from landscape_lab.exports._told import sentence
from landscape_lab.exports.base import Beside, Making, Shown


def still(shown: Shown, form: str) -> Iterator[Making]:
    """The making of a `png`, `svg` or `pdf` file; runs that are compared stand side by side."""
    from landscape_lab.figures.matplotlib import stills  # matplotlib takes half a second to import

    yield Making(0, 1)
    place, picture, beside = shown.place, shown.picture, shown.beside
    seen = drawn(place, picture)
    planes = all("beta" in one.slice.dims for _, _, one in beside)
    if len(beside) > 1 and planes:
        yield Making(1, 1, _compared(seen, beside, form))
        return
    words = sentence(picture, seen.variable)
    content = stills.still(
        seen.slice, seen.path, form, deep=seen.deep, sentence=words, **seen.looks()
    )
    yield Making(1, 1, content)


def _compared(shown: Drawn, compared: Beside, form: str) -> bytes:
    """All of the runs that are compared, and what each of them is."""
    from landscape_lab.figures.bokeh.looks import Look
    from landscape_lab.figures.matplotlib.beside import Pane, beside

    pictures = [picture for _, _, picture in compared]
    loss = shown.variable == "loss" or any(shown.variable not in one.slice for one in pictures)
    below_zero = loss and any(bool((one.slice["loss"] < 0).any()) for one in pictures)
    variable = "loss" if loss else shown.variable
    scale = "linear" if below_zero else shown.scale
    look = Look(variable, scale, shown.limits)
    panes = [
        Pane(name, words, one.slice, one.path, one.seen, one.view.split)
        for name, words, one in compared
    ]
    told = f"The {variable} of {len(panes)} runs on one scale of colours, each on its own plane."
    each = " ".join(f"{name}: {sentence(one, variable)}" for name, _, one in compared)
    return beside(panes, form, look, (told, each))
