"""The layout of a page: its controls and pictures, each calling the command that it is given."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import panel as pn

from landscape_core.foundation.recipes import label_of, summary_of
from landscape_core.session.picture import Picture
from landscape_lab.components.appearance.appearance import Appearance
from landscape_lab.components.examples.examples import Examples
from landscape_lab.components.exporter.exporter import Exporter
from landscape_lab.components.form.form import Form
from landscape_lab.components.guide.guide import Guide
from landscape_lab.components.heartbeat.heartbeat import Heartbeat
from landscape_lab.components.link.link import Link
from landscape_lab.components.shortcuts.shortcuts import Shortcuts
from landscape_lab.components.timeline.timeline import Timeline
from landscape_lab.components.toolbar.toolbar import Toolbar
from landscape_lab.components.uploader.uploader import Uploader
from landscape_lab.content.tour import tours
from landscape_lab.exports.base import every_kind
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.page.canvas import FILL, Canvas
from landscape_lab.page.form_sections import sections
from landscape_lab.page.lab_view import LabView
from landscape_lab.page.page_styles import AS_HIGH_AS_IT_IS, CLOSED, GUIDE_ONLY, HIDDEN, STACKED
from landscape_lab.page.picture_readings import inspected, readings_of, value_name
from landscape_lab.page.preset_words import shown_by, words_of
from landscape_lab.state.history import History
from landscape_lab.state.lab_place import LabPlace
from landscape_lab.state.place import Place
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import COLORS, VIEWS, Display, Scene
from landscape_lab.worker.update import Update


class PageLayout:
    """The controls and the pictures of a page."""

    def __init__(
        self,
        commands: Mapping[str, Callable[..., None]],
        uploader: Uploader,
        called: Callable[[str], str],
        *,
        own: bool,
    ) -> None:
        """Nothing is shown yet.

        Args:
            commands: what is called, on the page's thread, when something is pressed: those of
                `Toolbar` and `Shortcuts` by their names there; `choose`, `restore`, `look_at`,
                `look_from`, `set_weight`, `seek`, `open`, `open_step`, `read`, `begin_show`,
                `act_show`, `stop_show`, `make_file` and `cancel_file` by the other components;
                `toggle` by the key for play.
            uploader: the dialog of your own table.
            called: the name of the file that was uploaded, by the name of its content.
            own: whether the scene is the user's own, without presets and links.
        """
        self.uploader, self._called = uploader, called
        self._projects = False
        self._shown_form: tuple[Any, ...] = ()
        self.form = Form(commands["choose"], commands["restore"])
        compared = functools.partial(commands["choose"], "display.comparison")
        self.canvas = Canvas(
            commands["look_at"], commands["look_from"], compared, commands["set_weight"],
            commands["ask"], lambda stale: self.toolbar.set({"stale": stale}),
        )  # fmt: skip
        self.timeline = Timeline(commands["seek"])
        self._labs: LabView | None = None
        self.guide = Guide(
            {} if own else tours(), commands["open_step"], commands["read"], commands["labs"],
            commands["open"], {name: commands[f"{name}_show"] for name in ("begin", "act", "stop")},
        )  # fmt: skip
        self.guide.view.visible = not own  # a scene of one's own has no questions
        self.exporter = Exporter(offered_kinds(), commands["make_file"], commands["cancel_file"])
        self.link = Link(commands["open"])
        choose = commands["choose"]
        shared: dict[str, Callable[..., None]] = {
            **commands,
            "export": self.exporter.open,
            "projector": self._project,
        }
        buttons: dict[str, Callable[..., None]] = {
            "speed": functools.partial(choose, "display.speed"),
            "view": functools.partial(choose, "display.show"),
            "comparison": functools.partial(choose, "display.comparison"),
            "restore": functools.partial(commands["open_preset"], ""),
        }
        keys: dict[str, Callable[..., None]] = {
            name: functools.partial(choose, "display.show", name) for name in VIEWS
        }
        shown = [] if own else [preset.words() for preset in presets().values()]
        self.toolbar = Toolbar(shown, shared | buttons)
        self.examples = Examples(shown, commands["open_preset"])
        pressed = shared | keys | {"play": commands["toggle"]}
        self.shortcuts = Shortcuts(
            {name: functools.partial(self._press, name, act) for name, act in pressed.items()}
        )
        self.view = self._laid_out()

    def show(self, update: Update, display: Display, number: int, *, playing: bool) -> None:
        """Draw an update of the worker; the browser answers with the number once it is drawn."""
        picture = update.picture
        if picture is None:
            return
        self.canvas.draw(update, display, playing=playing)
        loss = picture.readings.values.get("train_loss")
        called = value_name(picture)
        steps = [int(step) for step in picture.path["step"].values]
        self.timeline.set(steps, picture.seen, playing=playing, loss=loss, called=called)
        self.toolbar.set(
            {**readings_of(picture, playing=playing), "point": inspected(picture), "frame": number}
        )

    def show_controls(
        self,
        place: Place,
        reference: Scene,
        history: History,
        picture: Picture | None,
        *,
        playing: bool,
    ) -> None:
        """Bring form and toolbar in line with a place.

        Args:
            place: the place that is wanted.
            reference: the scene that settings are restored to.
            history: what undo and redo go through.
            picture: the one that is shown, if there is one; what it has can be drawn.
            playing: whether the run goes on.
        """
        self._show_form(place.scene, reference, picture)
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

    def show_link(self, place: Place, tour: tuple[str, int] | None, entry: int) -> None:
        """Bring the address in line with a place, and with the tour and its step if one is read.

        `entry` is the number of the last change, of which the browser's Back goes back.
        """
        if not self.shows_labs:  # whose address it is
            self.link.set(_with_tour(place.link(), tour), entry)

    @property
    def shows_labs(self) -> bool:
        """Whether labs are shown in place of the landscape."""
        return self._labs is not None and bool(self._labs.view.visible)

    def show_lab_link(self, link: str, tour: tuple[str, int] | None) -> None:
        """Bring the address in line with a lab; where a tour is read, its guide stays visible."""
        self._show_middle(guided=tour is not None)
        self.link.set(_with_tour(link, tour))

    def show_labs(self, labs: LabView | None, tour: tuple[str, int] | None = None) -> None:
        """Show the labs, below the guide where a tour is read; None: the landscape again."""
        put(self._below, css_classes=[] if labs is not None else [CLOSED])
        if labs is not None and self._labs is None:
            self._labs = labs
            labs.scale(projects=self._projects)
            self._below.append(labs.view)  # into the page it would move all else, and the focus go
        if self._labs is not None:
            put(self._labs.view, visible=labs is not None)
        put(self.toolbar.view, visible=labs is None)
        self._show_middle(guided=tour is not None)

    def _show_middle(self, *, guided: bool) -> None:
        """Show the landscape, its settings and figures; with labs only the guide, or nothing."""
        labs = self.shows_labs
        if self._labs is not None:
            self._labs.ask(asked=self.guide.asks)
        put(self._middle, visible=guided or not labs)
        put(self._middle, css_classes=["middle", GUIDE_ONLY] if labs else ["middle"])
        put(self._center, css_classes=["center", GUIDE_ONLY] if labs else ["center"])
        for view in (self.form.view, self.canvas.side, self.canvas.landscape, self.timeline.view):
            put(view, visible=not labs)

    def show_preset(self, place: Place) -> None:
        """Show the question of a preset; a scene of the user's own, without a name, has none."""
        words = words_of(place)
        if words is not None:
            self.guide.show_preset(*words, shown_by(place))

    def show_run_of(self, there: LabPlace) -> None:
        """Say, in place of a preset's question, that the run is that of a lab."""
        title = type(there.lab).label
        self.guide.show_preset(
            f"This is the run of the lab “{title}” with seed {there.seeds[there.shown]}.",
            "Network, data, initial weights, mini-batches, optimizer and number of steps are the"
            " same, so are the parameters after each step.",
            "",
            (f"Back to the lab: {title}", there.link()),
        )

    def _show_form(self, scene: Scene, reference: Scene, picture: Picture | None) -> None:
        drawable = frozenset(COLORS if picture is None else map(str, picture.slice.data_vars))
        shown = (scene, reference, drawable)
        if shown != self._shown_form:
            self._shown_form = shown
            self.form.show(sections(scene, reference, drawable, self._called))

    def _project(self, _: Any = None) -> None:
        self._projects = not self._projects
        self.toolbar.set({"projector": self._projects})
        self.canvas.scale(projects=self._projects)
        if self._labs is not None:
            self._labs.scale(projects=self._projects)

    def _press(self, name: str, act: Callable[[], None]) -> None:
        """A key was pressed; where labs are shown, it is theirs."""
        if self._labs is None or not self.shows_labs or self._labs.key(name):
            act()

    def _laid_out(self) -> pn.Column:
        self._center = pn.Column(
            self.guide.view, self.canvas.landscape, self.timeline.view, css_classes=["center"],
            margin=0, stylesheets=[STACKED, AS_HIGH_AS_IT_IS], **FILL,
        )  # fmt: skip
        self._middle = pn.Row(
            self.form.view, self._center, self.canvas.side, css_classes=["middle"], margin=0,
            stylesheets=[STACKED, AS_HIGH_AS_IT_IS], **FILL,
        )  # fmt: skip
        self.canvas.side.stylesheets = [STACKED]
        self._below = pn.Column(css_classes=[CLOSED], stylesheets=[HIDDEN], margin=0, **FILL)
        return pn.Column(
            self.toolbar.view, self._middle, self._below, self.link.view, self.shortcuts.view,
            self.exporter.view, self.uploader.view, self.examples.view, Heartbeat().view,
            Appearance().view, sizing_mode="stretch_both",
            css_classes=["page"], margin=0,
            styles={
                "height": "100vh", "background": "var(--surface, #fff)",
                "container-type": "inline-size", "color-scheme": "var(--color-scheme, light)",
            },
        )  # fmt: skip


def _with_tour(link: str, tour: tuple[str, int] | None) -> str:
    """A link with the tour that is read, and its step."""
    words = f"tour={tour[0]}&at={tour[1]}" if tour else ""
    return "&".join(filter(None, (link, words)))


def offered_kinds() -> list[dict[str, Any]]:
    """The kinds of files, as `Exporter` takes them."""
    return [
        {
            "name": name,
            "label": label_of(kind),
            "help": kind.lacks() or summary_of(kind),
            "group": kind.group,
            "lacks": bool(kind.lacks()),
        }
        for name, kind in every_kind().items()
    ]
