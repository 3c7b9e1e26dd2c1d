"""The sections of the form: the first controls, then all others in groups with their "more"."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.problems.base import Problem
from landscape_lab.page.first_controls import first_paths
from landscape_lab.page.table_rows import row_of_table
from landscape_lab.state import form_model
from landscape_lab.state.failures import sentence
from landscape_lab.state.scene import Scene

SECTIONS = {
    "Data": "the data set",
    "Network": "the model and its loss",
    "Optimizer": "how the model is trained",
    "Landscape": "the slice and the side panel",
    "Display": "how the slice is drawn",
}
"""The groups of the form, and what their settings are of."""

FIRST = ""
"""The title of the section before all groups, which has none."""

ELSEWHERE = ("run.device", "run.dtype", "run.checkpoints", "run.memory_mb", "slice.scale",
             "slice.dimensions", "display.show", "display.comparison", "display.speed",
             "display.camera")  # fmt: skip
"""Paths that are on no form: for the command line and links, in the toolbar, or given by others."""

FIRST_FIELDS = 3
"""How many fields of each data set, network and optimizer are shown without asking for more."""

SELDOM = ("run.sampler", "run.schedule.warmup", "run.problem.regularizer")
"""Rows that wait behind "more" for as long as they are as they were at first."""

SIDE_PANEL_DEPTH = 2
"""Dots in the path of a setting of the side panel; deeper ones are details."""


def sections(
    scene: Scene,
    reference: Scene,
    drawable: Collection[str] | None = None,
    called: Callable[[str], str] = str,
) -> list[dict[str, Any]]:
    """The sections as the `Form` component takes them, those without a field left out.

    The first one has no title: its controls are shown at once. The others are groups, closed at
    first.

    Args:
        scene: the settings that are wanted.
        reference: the settings that they are compared with, to mark those that were changed.
        drawable: the variables of the slice that is shown; others cannot be drawn over the plane.
        called: the name of the file of a table, by the name of its content.
    """
    known = {row.path: form_model.plain_value(row.value) for row in form_model.rows(reference)}
    first, every = first_paths(scene), list(form_model.rows(scene))

    def field(entry: form_model.Entry) -> dict[str, Any]:
        row = row_of_table(scene, entry, called) or form_model.described(entry)
        detail = _is_detail(entry) and entry.path not in first
        known_as = {"detail": detail, "changed": _is_changed(entry, known)}
        return _offered(row, drawable) | known_as | {"pictured": _is_pictured(entry)}

    def section(title: str, help_: str) -> dict[str, Any]:
        fields = [field(entry) for entry in _entries(scene, first, every, title)]
        return {"title": title, "help": help_, "fields": fields, "closed": title != FIRST}

    found = [section(*words) for words in ((FIRST, ""), *SECTIONS.items())]
    return [section for section in found if section["fields"]]


def _entries(
    scene: Scene, first: Sequence[str], every: Sequence[form_model.Entry], title: str
) -> list[form_model.Entry]:
    """The rows of a section in their order; the numbers of a problem stand after its data.

    `first` are the paths that are shown at once, `every` all rows of the scene.
    """
    problem = scene.run.problem
    if title == FIRST:
        known = {entry.path: entry for entry in every}
        return [known[path] for path in first if path in known]
    others = [entry for entry in every if entry.path not in first]
    chosen = [entry for entry in others if _section_of(entry.path, problem) == title]
    return sorted(chosen, key=lambda one: title == "Data" and _is_number(one.path, problem))


def _offered(row: dict[str, Any], drawable: Collection[str] | None) -> dict[str, Any]:
    """A row with the choices that there now are: measures that the slice has, and the chosen."""
    if row["path"] != "display.color" or drawable is None:
        return row
    there = {*drawable, row["value"]}
    return {**row, "options": [each for each in row["options"] if each["value"] in there]}


def _section_of(path: str, problem: Problem) -> str:
    """The section of a row, or nothing; settings of a problem besides data are in Network."""
    if path.startswith(ELSEWHERE):
        return ""
    if path.startswith("run.problem"):
        part = _part(path, problem)
        return "Data" if part is None or isinstance(part, ProblemData) else "Network"
    if path.startswith("run."):
        return "Optimizer"
    return "Landscape" if path.startswith(("slice.", "display.side_panel")) else "Display"


def _is_number(path: str, problem: Problem) -> bool:
    """Whether a row is a plain value of the problem itself."""
    return path != "run.problem" and _part(path, problem) is None


def _part(path: str, problem: Problem) -> Recipe | None:
    """The recipe within a problem that a path lies in, if any."""
    names = path.split(".")
    given = getattr(problem, names[2]) if len(names) > 2 else None
    return given if isinstance(given, Recipe) else None


def _is_detail(entry: form_model.Entry) -> bool:
    """Whether a row waits behind "more": the first fields of each part are the telling ones."""
    if entry.path.startswith("slice."):
        return not entry.path.startswith("slice.directions") or entry.place > 0
    if entry.path.startswith("display.side_panel."):
        return entry.place > 0 or entry.path.count(".") > SIDE_PANEL_DEPTH
    if entry.path == "run.steps" or (entry.path in SELDOM and entry.value == entry.field.default):
        return True
    return entry.path.startswith("run.") and entry.place >= FIRST_FIELDS and entry.nested


def _is_pictured(entry: form_model.Entry) -> bool:
    """Whether the choices of a row are data sets, of which many have a picture."""
    return isinstance(entry.value, ProblemData)


def _is_changed(entry: form_model.Entry, known: Mapping[str, Any]) -> bool:
    """Whether a value differs from the reference's, or from its default where that has none."""
    return bool(
        form_model.plain_value(entry.value)
        != known.get(entry.path, form_model.plain_value(entry.field.default))
    )


def message_of(error: Exception) -> str:
    """The message of an error, with the label of its control in place of the name in the code."""
    if not isinstance(error, LandscapeError):
        return sentence(error)
    field = error.field if isinstance(error, SpecError) else ""
    owner, dot, name = field.rpartition(".")
    if not isinstance(error, SpecError) or not dot or not owner.isidentifier():
        return str(error)
    return str(SpecError(name.replace("_", " "), error.value, error.accepted))


def concerned(error: Exception, wanted: Scene, known: Scene, shown: Collection[str]) -> str | None:
    """The path of the control at which an error belongs, if one is shown.

    The one that the error names, or the menu from which the part with that field was chosen, or
    else the first that differs from what is in force.
    """
    named = form_model.path_of(wanted, error.field) if isinstance(error, SpecError) else None
    changed = next(iter(form_model.differences(wanted, known)), None)
    for path in filter(None, (named, changed)):
        while path and path not in shown:
            path = path.rpartition(".")[0]
        if path:
            return path
    return None
