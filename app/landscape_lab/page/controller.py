"""The controller of a page: what its controls do to the run.

All that is on the screen follows from the place, from whether the run plays, and from the latest
update of the worker. A change of any control submits a new job to the worker; the queue drops the
updates of older jobs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import panel as pn

from landscape_core.models.weight_change import WeightChange, with_change
from landscape_core.session.picture import Picture
from landscape_core.storage.store import Store
from landscape_lab.bridge.event_loop import UiLoop
from landscape_lab.page.demonstration import Demonstration
from landscape_lab.page.export import FileExport
from landscape_lab.page.labs import PageLabs
from landscape_lab.page.last_catch import caught
from landscape_lab.page.layout import PageLayout
from landscape_lab.page.navigation import Navigation
from landscape_lab.page.run import PageRun
from landscape_lab.page.settings import PageSettings
from landscape_lab.state.lab_place import LabPlace, names_labs
from landscape_lab.state.link import opening
from landscape_lab.state.place import Place
from landscape_lab.state.place_changes import restarted, with_camera
from landscape_lab.state.preset import FIRST
from landscape_lab.state.scene import Scene
from landscape_lab.state.user_store import user_store
from landscape_lab.worker.thread import LatestJobQueue
from landscape_lab.worker.worker import Worker


class Page:
    """The laboratory on one screen: `view` is shown; the controls of the run are the methods.

    Undo, presets and kept runs are those of `navigation`, files those of `export`, labs those of
    `labs`, steps that the page does by itself those of `demonstration`.
    """

    def __init__(
        self, link: str = "", store: Store | None = None, own: Scene | None = None
    ) -> None:
        """Build the page; the run starts once a browser shows it.

        Args:
            link: a place to open.
            store: where pictures are kept; by default this user's.
            own: a scene of the user's own instead, without presets and links.
        """
        first = Place("", own, 0) if own else opening(FIRST)
        queue, worker = LatestJobQueue(UiLoop()), Worker(store or user_store())
        self.run = PageRun(first, own, queue, worker)
        self.navigation, self.export = Navigation(self.run, first), FileExport(self.run)
        self.labs = PageLabs(self.run, self.leave_labs, self.open_run)
        self.settings = PageSettings(self.run)
        self.demonstration = Demonstration(self.run, self.navigation, self.settings)
        commands = {name: caught(command, self._tell) for name, command in self._commands().items()}
        self.layout = self.run.layout = PageLayout(
            commands, self.settings.uploader, self.settings.file_of, own=own is not None
        )
        for view in (self.layout.guide.view, self.settings.uploader.view):
            view.on_message = caught(view.on_message, self._tell)
        self.view = self.layout.view
        self._link = link
        if pn.state.curdoc is not None and pn.state.curdoc.session_context is not None:
            pn.state.on_session_destroyed(lambda _: self._end())
        self.layout.show_preset(first)
        self.run.show_controls()

    @property
    def playing(self) -> bool:
        """Whether the run goes on."""
        return self.run.playing

    @property
    def scene(self) -> Scene:
        """The settings that are wanted."""
        return self.run.scene

    @property
    def picture(self) -> Picture | None:
        """The picture that is shown."""
        return self.run.picture

    def ready(self) -> None:
        """Start, as a browser shows the page, or draw again what it has not seen.

        Not earlier: in a kernel, what changes between the making of the page and its arrival in the
        browser is lost on the way.
        """
        if self.labs.shown:
            self.labs.draw()
        elif not self.run.started or self.picture is None:
            self.open(self._link)
        else:
            self.run.draw()

    def rest(self) -> None:
        """Hold the run and end its thread, since nobody looks; whatever is done next starts it."""
        self.run.rest()
        self.labs.rest()

    def open(self, link: str) -> None:
        """Go to the place or the lab that a link names."""
        if names_labs(link) and self.run.place.preset:
            self.labs.open_link(link)
        else:
            self.labs.hide()
            self.navigation.open(link)

    def open_step(self, link: str) -> None:
        """Go to the place or the lab of a step of a tour."""
        if names_labs(link):
            self.labs.open_link(link)
        else:
            self.labs.hide()
            self.navigation.open_step(link)

    def read(self, tour: str, step: int) -> None:
        """Take note of the step of a tour that is open; an empty name: the tour was closed.

        The address follows at once, or with what the step opens: one entry of the history.
        """
        self.run.tour = (tour, step) if tour else None
        if tour and self.layout.guide.opens(tour, step):
            return
        if self.labs.shown:
            self.labs.show_link()
        else:
            self.run.show_controls()

    def open_run(self, there: LabPlace) -> None:
        """Show the landscape with the run that a lab trains."""
        self.labs.hide()
        self.navigation.open_run(there)

    def leave_labs(self) -> None:
        """Show the landscape again, as it was left."""
        self.labs.hide()
        if self.run.started:
            self.run.submit()
        else:
            self.navigation.open("")

    def close(self) -> None:
        """End the worker; nothing of the page stays behind."""
        self.run.queue.close()
        self.settings.close()

    def watch(self, follower: Callable[[Scene, bool], None]) -> None:
        """Call this with the scene and whether the run plays, whenever either may have changed."""
        self.run.followers.append(follower)

    def choose(self, path: str, value: Any) -> None:
        """Put a value at a path of the scene, as its control does."""
        self.settings.choose(path, value)

    def restore(self, path: str) -> None:
        """Put the preset's value at a path, or the default where it has none."""
        self.settings.restore(path)

    def play(self, playing: bool = True) -> None:  # noqa: FBT001, FBT002 - the state of a button
        """Let the run go on, or hold it; a run that has ended starts again."""
        run = self.run
        ended = run.picture is not None and run.picture.status in ("diverged", "finished")
        run.playing, run.point = playing, None
        if playing and ended and run.place.seen is None:
            self._restart()
        else:
            run.submit()

    def step(self) -> None:
        """Make one training step and hold; looking back, look at the next recorded step."""
        run = self.run
        run.playing, run.point = False, None
        if run.place.seen is not None:
            self.seek(run.place.seen + 1)
        else:
            run.submit(more=1)

    def reset(self) -> None:
        """Go back to the start, with the same seed."""
        self.run.playing = False
        self.run.history.add(self.run.place)
        self._restart()

    def seek(self, step: int) -> None:
        """Hold the run, and look at the recorded iterate that is nearest to a step."""
        run = self.run
        run.playing, run.point = False, None
        end = int(run.picture.path["step"][-1]) if run.picture else 0
        if step <= end:
            run.submit(seek=step)
            return
        run.place = replace(run.place, step=min(step, run.scene.run.steps), seen=None)
        run.submit(go=run.place)

    def look_at(self, alpha: float, beta: float) -> None:
        """Hold the run, and look at the network at a point of the picture."""
        self.run.playing, self.run.point = False, (alpha, beta)
        self.run.submit()

    def set_weight(self, change: WeightChange | None) -> None:
        """Hold the run, and look at the network with a weight set by hand; None: undo the last."""
        run = self.run
        run.playing = False
        run.weights = run.weights[:-1] if change is None else with_change(run.weights, change)
        if run.weights or run.point is not None:
            run.submit()
        else:
            run.submit(seek=self.picture.seen if self.picture else 0)

    def ask(self, what: str, alpha: float, beta: float) -> None:
        """Do what a mouse asks of the picture: `hover`, `leave`, or `drop` to start a run there."""
        if what == "drop":
            self.run.point = (alpha, beta)
            self.navigation.start_here()
        else:
            self.run.glance((alpha, beta) if what == "hover" else None)

    def look_from(self, camera: str) -> None:
        """Take note of the camera of the surface, for links and files; not a step of undo."""
        run = self.run
        run.place = with_camera(run.place, camera)
        run.show_controls()

    def leave_point(self) -> None:
        """Look at the path again."""
        if self.run.point is not None or self.run.weights:
            self.run.point = None
            self.run.submit(seek=self.picture.seen if self.picture else 0)

    def _end(self) -> None:
        self.run.queue.end()
        self.settings.end()

    def _tell(self, failure: str) -> None:
        self.layout.toolbar.message(failure, alert=True)

    def _restart(self) -> None:
        run = self.run
        run.place, run.point = restarted(run.place), None
        run.submit(go=run.place, fresh=True)

    def _commands(self) -> Mapping[str, Callable[..., None]]:
        """The method of each button, key and signal of the components, by name."""
        run, navigation = self.run, self.navigation
        return {
            "ready": self.ready,
            "drawn": run.queue.drawn,
            "choose": self.choose,
            "play": self.play,
            "toggle": lambda: self.play(not self.playing),
            "step": self.step,
            "reset": self.reset,
            "stop": run.cancel,
            "seed": lambda: self.choose("run.seed", self.scene.run.seed + 1),
            "seek": self.seek,
            "look_at": self.look_at,
            "look_from": self.look_from,
            "set_weight": self.set_weight,
            "ask": self.ask,
            "leave_point": self.leave_point,
            "start_here": navigation.start_here,
            "undo": navigation.undo,
            "redo": navigation.redo,
            "keep": navigation.keep,
            "forget": navigation.forget,
            "restore": self.restore,
            "open": self.open,
            "labs": self.labs.open_gallery,
            "open_preset": navigation.open_preset,
            "open_step": self.open_step,
            "read": self.read,
            "make_file": self.export.make,
            "begin_show": self.demonstration.begin,
            "act_show": self.demonstration.act,
            "stop_show": self.demonstration.stop,
            "cancel_file": self.export.cancel,
        }
