"""How labs are laid out: the gallery, and one lab with its settings, pictures and words."""

from collections.abc import Callable, Mapping
from typing import Any

import panel as pn
import xarray as xr

from landscape_core.labs.base import Lab
from landscape_lab.components.exporter.exporter import Exporter
from landscape_lab.components.form.form import Form
from landscape_lab.components.gallery.gallery import Gallery
from landscape_lab.components.lab_bar.lab_bar import LabBar
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.marked_figure import MarkedFigure
from landscape_lab.figures.bokeh.thumbnail import thumbnail
from landscape_lab.figures.lab_pictures.marks import Panel
from landscape_lab.figures.lab_pictures.reading import SEED, View, declared, panels, word
from landscape_lab.page.canvas import FILL, PROJECTED
from landscape_lab.page.lab_files import kinds
from landscape_lab.page.lab_words import LabWords
from landscape_lab.page.staleness import shade
from landscape_lab.state.form_model import described, rows
from landscape_lab.state.lab_place import MOST, LabPlace, gallery

HEAD, ROW = 44, 29
"""Heights in pixels of the head of the settings and of a row."""

MOST_COLUMNS = 3
"""Pictures in a row, at most."""

GRID = """:host{display:grid!important;grid-template-columns:repeat(6,minmax(0,1fr));
 grid-auto-rows:minmax(calc(210px*var(--scale,1)),1fr);overflow-y:auto;scrollbar-width:thin}
@container (max-width: 1100px){:host{--half:span 3;--last:span 6}}
@container (max-width: 900px){:host{--whole:span 6}}
@container (max-width: 520px){:host{--half:span 6;
 grid-auto-rows:minmax(calc(270px*var(--scale,1)),1fr)}}"""
"""Pictures in rows of equal height, which scroll where a window is too low for them."""

NO_BUTTON = ".scroll-button{display:none!important}"
"""Panel's own button takes room even where nothing scrolls."""


class LabView:
    """The gallery or a lab, in place of the landscape."""

    def __init__(self, actions: Mapping[str, Callable[..., None]]) -> None:
        """The gallery, and no lab yet.

        Args:
            actions: those of `LabBar` by their names there; `open`, `leave_labs`, `choose`,
                `restore`, `make_file`, `toggle` and `step` by the other components and the
                keyboard.
        """
        self._keys = {"play": actions["toggle"], "step": actions["step"]}
        self._figures: list[MarkedFigure] = []
        self._panes: list[Any] = []
        self._shapes: list[tuple[Any, ...]] = []
        self._factor = 1.0
        self._name, self._arrivals = "", 0
        self._found: tuple[str, xr.Dataset] | None = None
        self.exporter = Exporter(kinds(), actions["make_file"], actions["cancel_file"])
        self.bar = LabBar({**actions, "export": self.exporter.open}, MOST)
        self.form = Form(actions["choose"], actions["restore"], searched=False)
        # As high as its few rows; as a drawer it takes no room.
        self.form.view.param.update(sizing_mode=None, width=None)
        self.gallery = Gallery(gallery(), actions["open"], actions["leave_labs"])
        self._words = LabWords()
        self.pictures = pn.Column(
            css_classes=["lab-pictures"],
            stylesheets=[GRID, NO_BUTTON],
            styles=shade("lab"),
            margin=0,
            **FILL,
        )
        left = pn.Column(
            self.form.view, self._words.column, sizing_mode="stretch_height", margin=0,
            min_height=0, styles={"flex": "none", "width": "auto"}, stylesheets=[NO_BUTTON],
        )  # fmt: skip
        self._lab = pn.Column(
            self.bar.view, self._words.above, pn.Row(left, self.pictures, margin=0, **FILL),
            self.exporter.view, visible=False, margin=0, **FILL,
        )  # fmt: skip
        self.view = pn.Column(self.gallery.view, self._lab, margin=0, **FILL)

    def show_gallery(self, message: str = "") -> None:
        """Show all labs, and an error message above them if there is one."""
        self._show_run()
        self.gallery.message(message)
        put(self._lab, visible=False)
        put(self.gallery.view, visible=True)
        self.gallery.arrive(self._name)
        self._name = ""

    def show_lab(self, there: LabPlace) -> None:
        """Show a lab; its pictures are of what was shown before until they are drawn."""
        kind = type(there.lab)
        self._words.show(kind)
        section = _section(there.lab, there.reference)
        self.form.show([section])
        put(self.form.view, height=HEAD + ROW * len(section["fields"]))
        self.bar.set(
            {"title": kind.label, "question": kind.question, "count": there.count,
             "seeds": there.seeds, "has_run": there.training_run is not None}
        )  # fmt: skip
        put(self.gallery.view, visible=False)
        put(self._lab, visible=True)
        if not self._name:  # not from one setting to the next
            self._arrivals += 1
            self.bar.set({"arrived": self._arrivals})
        self._name = there.name

    def draw(self, dataset: xr.Dataset, seed: int, frame: int | None) -> bool:
        """Draw the pictures of a dataset, or the first alone where none is there yet.

        Args:
            dataset: of a lab, finished or not.
            seed: index of the seed that is looked at.
            frame: index along the moving dimension; None: the last that is known.

        Returns:
            Whether all are drawn; else it is to be called again, once the first has been sent.
        """
        found = [
            panel
            for picture in declared(dataset)
            for panel in panels(dataset, picture, seed=seed, frame=frame)
        ]
        if [_shape(panel) for panel in found] == self._shapes:
            for figure, panel in zip(self._figures, found, strict=True):
                figure.update(panel)
        else:
            now = found if self._figures else found[:1]
            self._build(now, len(found))
            if len(now) < len(found):
                return False
        self.bar.set({"seed": seed, "frame": _frame(dataset, seed, frame)})
        self._found = (self._name, dataset)
        return True

    def clear(self) -> None:
        """Show no picture."""
        self._figures, self._panes, self._shapes, self._found = [], [], [], None
        self.bar.set({"frame": None})
        self.pictures.objects = []

    def ask(self, *, asked: bool) -> None:
        """Leave question and answer to a step of a tour, if it asks one above the lab."""
        self.bar.set({"asked": asked})
        self._words.fold(folded=asked)

    def mark(self, *, stale: bool) -> None:
        """Show the pictures pale while they are of other settings."""
        self.bar.set({"stale": {"lab": stale}})

    def key(self, name: str) -> bool:
        """Do what a key is for here; whether it may do elsewhere what it is for, too."""
        if name in self._keys and self._lab.visible:
            self._keys[name]()
        if name == "export" and self._lab.visible:
            self.exporter.open()
        return name == "projector"

    def scale(self, *, projects: bool) -> None:
        """Make type and lines larger for a projector, or as they were."""
        self._factor = PROJECTED if projects else 1.0
        self._words.scale(projects=projects)
        for figure in self._figures:
            figure.scale(self._factor)

    def _show_run(self) -> None:
        """Bring the card of a lab in line with the run that is shown, once it has its verdict."""
        if self._found is not None and "verdict" in self._found[1].attrs:
            name, dataset = self._found
            seeds = dataset.sizes[SEED]
            words = f"{dataset.attrs['verdict']}, {seeds} seed{'s' * (seeds > 1)}"
            self.gallery.show_run(name, thumbnail(dataset), words)

    def _build(self, found: list[Panel], count: int) -> None:
        """Make figures for panels, the first of so many, in rows of equal height.

        Those that are there stay, as far as their axes are of the same kind.
        """
        shapes = [_shape(panel) for panel in found]
        kept = [old == new for old, new in zip(self._shapes, shapes, strict=False)]
        same = kept.index(False) if False in kept else len(kept)
        for figure, panel in zip(self._figures[:same], found, strict=False):
            figure.update(panel)
        figures = [MarkedFigure(panel) for panel in found[same:]]
        self._figures = [*self._figures[:same], *figures]
        self._panes = self._panes[:same] + [
            pn.pane.Bokeh(figure.figure, margin=(0, 6, 4, 6), **FILL) for figure in figures
        ]
        self._shapes = shapes
        self.scale(projects=self._factor > 1)
        spans = _spans(count)
        for figure, span in zip(self._figures, spans, strict=False):
            figure.figure.update(styles={"grid-column": span}, frame_align=False)
        left = [pn.Spacer(styles={"grid-column": span}, **FILL) for span in spans[len(found) :]]
        self.pictures.objects = [*self._panes, *left]


def _shape(panel: Panel) -> tuple[Any, ...]:
    """What a figure keeps: its axes."""
    return (panel.x_scale, panel.y_scale, panel.equal)


def _spans(count: int) -> list[str]:
    """How many of six columns each picture takes; in a narrow window those that `GRID` says."""
    columns = 2 if count in (3, 4) else min(MOST_COLUMNS, max(1, count))
    full, rest = divmod(count, columns)
    wide = [6 // columns] * full * columns + [6 // max(1, rest)] * rest
    narrow = ["whole" if count < 3 else "half"] * count
    if count % 2 and count > 2:
        narrow[-1] = "last"
    return [f"var(--{name}, span {span})" for name, span in zip(narrow, wide, strict=True)]


def verdict(dataset: xr.Dataset, there: LabPlace) -> dict[str, str] | None:
    """The verdict in words, once all seeds are computed."""
    words = str(dataset.attrs.get("verdict_in_words", ""))
    if not words:
        return None
    word, _, text = words.partition(": ")
    return {"word": word, "text": text, "expected": type(there.lab).expected}


def _section(lab: Lab, reference: Lab) -> dict[str, Any]:
    """The settings of a lab as the form takes them."""
    usual = {row.path: described(row)["value"] for row in rows(reference)}
    fields = []
    for row in rows(lab):
        words = described(row)
        fields.append({**words, "changed": usual.get(row.path) != words["value"], "detail": False})
    return {"title": "Settings", "help": "what can be changed", "fields": fields}


def _frame(dataset: xr.Dataset, seed: int, frame: int | None) -> dict[str, Any] | None:
    """What the slider of the moving dimension shows, if any picture moves."""
    picture = _moving(dataset)
    if picture is None:
        return None
    moving = str(picture["frame"])
    index = View(dataset, picture, seed, frame).frame_index()
    count = dataset.sizes[moving]
    values = dataset[moving].values if moving in dataset.coords else range(count)
    name = moving.replace("_", " ")
    return {"name": name, "index": index, "count": count, "value": word(values[index])}


def frames(dataset: xr.Dataset) -> int:
    """How many entries the moving dimension has; 1 where no picture moves."""
    picture = _moving(dataset)
    return 1 if picture is None else int(dataset.sizes[str(picture["frame"])])


def _moving(dataset: xr.Dataset) -> dict[str, Any] | None:
    """The first picture that moves, if one does."""
    return next((one for one in declared(dataset) if one.get("frame")), None)
