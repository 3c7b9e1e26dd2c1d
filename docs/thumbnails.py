"""Draw the small pictures of the app anew: `make thumbnails`, for some by their names.

Those of labs are the pictures that each declares, with default settings and the first seed; those
of presets their loss landscape where they open; those of data sets some of their examples. All are
computed here.
"""

import sys

from landscape_core import labs
from landscape_core.foundation.recipes import Choice, fields_of, name_of
from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab
from landscape_core.models.datasets.base import ProblemData
from landscape_core.storage import atomic_files
from landscape_lab.components.examples.examples import THUMBNAILS as EXAMPLES
from landscape_lab.components.form.form import PICTURES
from landscape_lab.components.gallery.gallery import THUMBNAILS
from landscape_lab.figures.bokeh.thumbnail import thumbnail
from landscape_lab.figures.camera import HOME, camera_of
from landscape_lab.figures.data_picture import data_picture
from landscape_lab.figures.preset_picture import slice_picture, surface_picture
from landscape_lab.state.link import opening
from landscape_lab.state.navigator import Navigator
from landscape_lab.state.preset import presets

SHAPE = "images"
"""The shape of inputs that is drawn, where a data set has several."""


def main(names: list[str]) -> None:
    """Write the images of what has these names, by default of all that is shipped."""
    for name in _chosen(names, entries(Lab).shipped()):
        image = thumbnail(labs.run(name, seeds=1))
        atomic_files.write(THUMBNAILS / f"{name}.svg", [image.encode()])
    for name in _chosen(names, presets()):
        atomic_files.write(EXAMPLES / f"{name}.svg", [picture_of_preset(name).encode()])
    for name in _chosen(names, entries(ProblemData).shipped()):
        if image := picture_of_data(entries(ProblemData)[name]):
            atomic_files.write(PICTURES / f"{name}.svg", [image.encode()])


def picture_of_preset(name: str) -> str:
    """The SVG image of what a preset shows where it opens: its side panel, or its slice."""
    there = opening(name)
    navigator = Navigator(there)
    *_, picture = navigator.pictures()
    display, panel = there.scene.display, there.scene.display.side_panel
    if presets()[name].picture == "panel":
        studied = list(navigator.session.study(name_of(type(panel)), panel.study))
        return panel.thumbnail((studied or [picture])[-1])
    looks = {"split": picture.spec.split, "scale": display.scale, "limits": display.range(),
             "outline": display.outline}  # fmt: skip
    if bool((picture.slice["loss"] < 0).any()):
        looks |= {"scale": "linear", "limits": None}
    if display.show != "3d":
        return slice_picture(picture.slice, picture.path, looks)
    camera = camera_of(display.camera) or HOME
    return surface_picture(picture.slice, picture.path, looks, camera)


def picture_of_data(kind: type[ProblemData]) -> str:
    """The SVG image of a data set; empty where it is in files or nothing of it can be drawn."""
    if kind.place:
        return ""
    marks = {field.name: field.mark for field in fields_of(kind)}
    shaped = [name for name, mark in marks.items() if isinstance(mark, Choice)
              and SHAPE in mark.options]  # fmt: skip
    split = kind(**dict.fromkeys(shaped, SHAPE)).build(0)
    return data_picture(split.train.inputs.numpy(), split.train.targets.numpy(), split.classes)


def _chosen(names: list[str], known: object) -> list[str]:
    found = sorted(known)  # type: ignore[call-overload]
    return [name for name in found if not names or name in names]


if __name__ == "__main__":
    main(sys.argv[1:])
