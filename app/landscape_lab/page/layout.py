"""All that is on a page, laid out: it is told what to show, and tells what is pressed."""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import panel as pn

from landscape_core.foundation.recipes import label_of, summary_of
from landscape_core.session.picture import Picture
from landscape_lab.components.exporter.exporter import Exporter
from landscape_lab.components.form.form import Form
from landscape_lab.components.guide.guide import Guide
from landscape_lab.components.heartbeat.heartbeat import Heartbeat
from landscape_lab.components.link.link import Link
from landscape_lab.components.shortcuts.shortcuts import Shortcuts
from landscape_lab.components.timeline.timeline import Timeline
from landscape_lab.components.toolbar.toolbar import Toolbar
from landscape_lab.content.tour import tours
from landscape_lab.exports.base import kinds
from landscape_lab.page.canvas import FILL, Stage
from landscape_lab.page.form_sections import sections
from landscape_lab.state.history import History
from landscape_lab.state.place import Place
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import Display, Scene
from landscape_lab.worker.worker import Update


class Actions(Protocol):
    """What can be pressed; each is called on the page's thread."""

    @property
    def playing(self) -> bool: ...
    def choose(self, path: str, value: Any) -> None: ...
    def restore(self, path: str) -> None: ...
    def play(self, playing: bool = True) -> None: ...  # noqa: FBT001, FBT002 - as the page's
    def step(self) -> None: ...
    def reset(self) -> None: ...
    def reseed(self) -> None: ...
    def seek(self, step: int) -> None: ...
    def look_at(self, alpha: float, beta: float) -> None: ...
    def leave_point(self) -> None: ...
    def start_here(self) -> None: ...
    def undo(self) -> None: ...
    def redo(self) -> None: ...
    def keep(self) -> None: ...
    def forget(self) -> None: ...
    def stop(self) -> None: ...
    def export(self, name: str) -> None: ...
    def open(self, link: str) -> None: ...
    def open_preset(self, name: str) -> None: ...
    def open_step(self, link: str) -> None: ...
    def read(self, tour: str, step: int) -> None: ...
    def drawn(self, number: int) -> None: ...
    def ready(self) -> None: ...


class Board:
    """The controls and the pictures of a page."""

    def __init__(self, actions: Actions, *, own: bool) -> None:
        """Nothing is shown yet.

        Args:
            actions: what is called when something is pressed.
            own: whether the scene is the user's own, without presets and links.
        """
        self._actions, self._projects = actions, False
        self.form = Form(actions.choose, actions.restore)
        self.stage = Stage(actions.look_at)
        self.timeline = Timeline(actions.seek)
        self.guide = Guide({} if own else tours(), actions.open_step, actions.read)
        self.guide.view.visible = not own  # a scene of one's own has no story
        offered = [
            {
                "name": name,
                "label": label_of(kind),
                "help": summary_of(kind),
                "readable": kind.readable,
            }
            for name, kind in kinds().items()
        ]
        self.exporter = Exporter(offered, actions.export)
        self.toolbar = Toolbar(
            [] if own else [preset.words() for preset in presets().values()], self._buttons()
        )
        self.shortcuts = Shortcuts(self._keys())
        self.link = Link(actions.open)
        self.view = self._laid_out()

    def show(self, news: Update, display: Display, number: int, *, playing: bool) -> None:
        """Draw an update of the worker; the browser answers with the number once it is drawn."""
        picture = news.picture
        if picture is None:
            return
        self.stage.draw(news, display, playing=playing)
        loss = picture.readings.values.get("train_loss")
        steps = [int(step) for step in picture.path["step"].values]
        self.timeline.set(steps, picture.seen, playing=playing, loss=loss)
        readings = _readings(picture, playing=playing)
        self.toolbar.set({**readings, "point": _point(picture), "frame": number})

    def show_controls(
        self,
        place: Place,
        reference: Scene,
        history: History,
        *,
        playing: bool,
    ) -> None:
        """Bring form and toolbar in line with a place.

        Args:
            place: where the page stands.
            reference: the scene that settings are restored to.
            history: what undo and redo go through.
            playing: whether the run goes on.
        """
        self.form.show(sections(place.scene, reference))
        display = place.scene.display
        self.toolbar.set(
            {
                "speed": display.speed,
                "view": display.show,
                "comparison": display.comparison,
                "preset": place.preset,
                "playing": playing,
                "can_undo": history.can_undo,
                "can_redo": history.can_redo,
                "changed": place.scene != reference,
                "kept": len(place.kept),
            }
        )

    def show_link(self, place: Place, tour: tuple[str, int] | None) -> None:
        """Bring the address in line with a place, and with the tour and its step if one is read."""
        told = f"tour={tour[0]}&at={tour[1]}" if tour else ""
        self.link.set("&".join(filter(None, (place.link(), told))))

    def tell_story(self, name: str) -> None:
        """Show what a preset asks; a scene of the user's own has no story."""
        if name:
            preset = presets()[name]
            self.guide.story(preset.question, preset.watch, preset.shows)

    def _project(self) -> None:
        self._projects = not self._projects
        self.toolbar.set({"projector": self._projects})
        self.stage.scale(projects=self._projects)

    def _shared(self) -> dict[str, Callable[..., None]]:
        actions = self._actions
        return {
            "step": actions.step,
            "reset": actions.reset,
            "undo": actions.undo,
            "redo": actions.redo,
            "keep": actions.keep,
            "export": self.exporter.open,
        }

    def _buttons(self) -> dict[str, Callable[..., None]]:
        actions = self._actions
        return self._shared() | {
            "play": actions.play,
            "seed": actions.reseed,
            "speed": lambda steps: actions.choose("display.speed", steps),
            "view": lambda name: actions.choose("display.show", name),
            "comparison": lambda mode: actions.choose("display.comparison", mode),
            "preset": actions.open_preset,
            "restore": lambda: actions.open_preset(""),
            "projector": lambda _: self._project(),
            "forget": actions.forget,
            "stop": actions.stop,
            "start_here": actions.start_here,
            "leave_point": actions.leave_point,
            "drawn": actions.drawn,
            "ready": actions.ready,
        }

    def _keys(self) -> dict[str, Callable[..., None]]:
        actions = self._actions
        views = {
            name: functools.partial(actions.choose, "display.show", name)
            for name in ("2d", "3d", "compare")
        }
        play = {"play": lambda: actions.play(not actions.playing), "projector": self._project}
        return self._shared() | views | play

    def _laid_out(self) -> pn.Column:
        stage = pn.Column(
            self.guide.view, self.stage.landscape, self.timeline.view, margin=0, **FILL
        )
        middle = pn.Row(
            self.form.view, stage, self.stage.side, css_classes=["middle"], margin=0, **FILL
        )
        return pn.Column(
            self.toolbar.view, middle, self.link.view, self.shortcuts.view, self.exporter.view,
            Heartbeat().view, sizing_mode="stretch_both", css_classes=["page"], margin=0,
            styles={"height": "100vh", "background": "#fff"},
        )  # fmt: skip


def _point(picture: Picture) -> dict[str, Any] | None:
    point = picture.point
    return (
        None
        if point is None
        else {"alpha": point.alpha, "beta": point.beta, "values": point.values}
    )


def _readings(picture: Picture, *, playing: bool) -> dict[str, Any]:
    """What the toolbar tells of a picture."""
    readings = picture.readings
    held = picture.status if not playing else "running"
    status = picture.status if picture.status in ("diverged", "finished") else held
    known = {name: value if value == value else None for name, value in readings.values.items()}
    values = dict.fromkeys(("train_loss", "test_loss", "test_accuracy")) | known
    counts = {"step": readings.step, "epoch": readings.epoch, "time": readings.seconds}
    return {"playing": playing, "status": status, **counts, **values}
