"""Files of a lab: its figure, its dataset, and a program that runs it again."""

from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr

from landscape_core.foundation.recipes import name_of, to_plain
from landscape_core.labs.base import Lab
from landscape_core.storage import netcdf
from landscape_lab.components.exporter.exporter import Exporter
from landscape_lab.figures.matplotlib.figure_style import USUAL, FigureStyle
from landscape_lab.figures.matplotlib.plotting import picture
from landscape_lab.page.form_sections import message_of
from landscape_lab.page.picture_style import style_of
from landscape_lab.state.lab_place import LabPlace
from landscape_lab.worker.thread import LatestJobQueue

FORMS = {
    "png": ("PNG image", "All pictures with their captions, as a bitmap.", "image/png"),
    "svg": ("SVG image", "All pictures as vector graphics.", "image/svg+xml"),
    "pdf": ("PDF document", "All pictures as vector graphics for a paper.", "application/pdf"),
    "nc": ("NetCDF data", "Every variable of every seed, for xarray.", "application/x-netcdf"),
    "py": ("Python program", "A program that runs this lab with these settings.", "text/x-python"),
}
"""Label, description and MIME type of each kind of file, by the end of its name."""

GROUPS = {"nc": "Numbers and pages", "py": "Program"}
"""Under which heading a kind of file stands that is no picture."""

PROGRAM = '''"""{question}

{source}
"""

from landscape_core import labs

found = labs.run({arguments})
print(labs.verdict(found))
found.to_netcdf("{name}.nc")
'''


def kinds() -> list[dict[str, Any]]:
    """The kinds of files, as `Exporter` takes them."""
    return [
        {"name": form, "label": label, "help": words, "group": GROUPS.get(form, "Picture")}
        for form, (label, words, _) in FORMS.items()
    ]


def content(
    form: str, lab: Lab, seeds: list[int], dataset: xr.Dataset, style: FigureStyle = USUAL
) -> bytes:
    """The content of a file of what is shown; a picture is drawn in a style."""
    if form == "py":
        return program(lab, seeds).encode()
    if form == "nc":
        return netcdf.to_bytes(dataset)
    return picture(dataset, form, settings="", style=style)


def deliver(
    form: str,
    there: LabPlace,
    dataset: xr.Dataset,
    asked: Mapping[str, Any],
    queue: LatestJobQueue,
    exporter: Exporter,
) -> None:
    """Make a file of what is shown on the page's thread of work, and hand it to the browser."""
    style = style_of(asked, exporter)
    if style is None:
        return

    def made() -> Iterator[bytes]:
        yield content(form, there.lab, there.seeds, dataset, style)

    def show(data: bytes) -> None:
        text = data.decode() if form == "py" else None
        exporter.deliver(f"{there.name}.{form}", FORMS[form][2], data, text)

    queue.submit(made, show, lambda error: exporter.fail(message_of(error)), lambda: None)


def program(lab: Lab, seeds: list[int]) -> str:
    """A program that runs a lab on seeds that follow one another."""
    kind = type(lab)
    usual = to_plain(kind())
    changed = {name: value for name, value in to_plain(lab).items() if value != usual.get(name)}
    words = [repr(name_of(kind)), f"seeds=range({seeds[0]}, {seeds[-1] + 1})"]
    words += [f"{name}={value!r}" for name, value in changed.items()]
    return PROGRAM.format(
        question=kind.question, source=kind.source, name=name_of(kind), arguments=", ".join(words)
    )
