"""The labs of a page: which one is open, the seeds that are computed, and what is looked at.

A lab takes the place of the landscape, and its work that of the run: one page has one worker.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import Progress
from landscape_lab.page.form_sections import message_of
from landscape_lab.page.lab_files import deliver
from landscape_lab.page.lab_view import LabView, frames, verdict
from landscape_lab.page.last_catch import caught
from landscape_lab.page.run import PageRun
from landscape_lab.state.form_model import assign, plain_value, value_at
from landscape_lab.state.lab_place import GALLERY, LabPlace, check_frame, named_by, opening
from landscape_lab.state.link import toured
from landscape_lab.worker.lab_work import every_seed, first_picture, next_seed, prepare
from landscape_lab.worker.thread import Work


class PageLabs:
    """The gallery and the lab of a page; `place` is the lab that is open, if one is."""

    def __init__(
        self, run: PageRun, left: Callable[[], None], trained: Callable[[LabPlace], None]
    ) -> None:
        """No lab is open, and nothing of them is built.

        Args:
            run: of the landscape, whose worker and layout are used.
            left: called when the user goes back to the landscape.
            trained: called when the user wants to see the run of a lab there.
        """
        self._run, self._left, self._trained = run, left, trained
        self._view: LabView | None = None
        self.place: LabPlace | None = None
        self.dataset: xr.Dataset | None = None
        self.shown = self.playing = self.busy = False
        self._linked = self._stale = self._stepping = False

    @property
    def view(self) -> LabView:
        """Gallery and lab, built at their first use."""
        if self._view is None:
            acts = self._actions()
            self._view = LabView({name: caught(acts[name], self._tell) for name in acts})
        return self._view

    def open_link(self, link: str) -> None:
        """Open the lab that a link names, or the gallery; if it cannot be read, saying why.

        A tour that it names is shown, too.
        """
        try:
            rest, tour = toured(link)
            there = named_by(rest)
            if tour is not None:
                self._run.layout.guide.tour(*tour, opening=False)
        except SpecError as error:
            self._refuse(error)
            return
        if there is None:
            self.open_gallery()
        else:
            self.go(there, linked=True)

    def open_gallery(self, message: str = "") -> None:
        """Show all labs in place of the landscape."""
        self._enter()
        self.place = None
        self.view.show_gallery(message)
        self.show_link()
        self._run.queue.prepare(prepare)

    def open(self, name: str) -> None:
        """Open a lab as it is by default."""
        self.go(opening(name))

    def go(self, there: LabPlace, *, linked: bool = False) -> None:
        """Open a lab with settings and seeds, as a link may name; what is kept is shown at once."""
        self._enter()
        if self.place is None or self.place.name != there.name:
            self.view.clear()
            self.dataset, self._stale = None, False
        self._linked = linked
        self._take(there)

    def hide(self) -> None:
        """Show the landscape again."""
        if self.shown:
            self._stop()
            self.shown, self.place = False, None
            self._run.layout.show_labs(None)

    def show_link(self) -> None:
        """Bring the address in line with what is shown, and with the tour that is read."""
        link = self.place.link() if self.place is not None else GALLERY
        self._run.layout.show_lab_link(link, self._run.tour)

    def play(self, playing: bool = True) -> None:  # noqa: FBT001, FBT002 - the state of a button
        """Compute all seeds, or hold; finished seeds are kept."""
        if playing:
            self._all(playing=True)
        else:
            self._stop()

    def step(self) -> None:
        """Compute the next seed, show it and hold; once all are there, show the next one."""
        there = self.place
        if there is None or self._stepping:  # the seed would begin anew
            return
        done = int(self.view.bar.shown.get("done", 0))
        if done < there.count:
            self._compute(lambda: next_seed(there, self._run.worker.store, done), self._show_seed)
            self._stepping = True
        else:
            self._stop()
            self.look_at(seed=(there.shown + 1) % there.count)

    def open_run(self) -> None:
        """Open the landscape with the run of the seed that is looked at."""
        there = self.place
        if there is not None and there.training_run is not None:
            self._trained(there)

    def again(self) -> None:
        """Compute the seeds anew, although they are kept."""
        self._all(playing=True, again=True)

    def fresh(self) -> None:
        """Compute seeds that were not used before."""
        if self.place is not None:
            self._take(self.place.fresh(), playing=True)

    def count(self, count: int) -> None:
        """Try the claim on so many seeds."""
        if self.place is not None and count != self.place.count:
            self._take(self.place.counted(count), playing=self.playing and not self._stepping)

    def choose(self, path: str, value: Any) -> None:
        """Put a value at a path of the lab, as its control does."""
        if self.place is None:
            return
        form = self.view.form
        try:
            lab = assign(self.place.lab, path, value)
        except SpecError as error:
            form.set_error(path, message_of(error))
            return
        form.clear_errors()
        self._take(replace(self.place, lab=lab), playing=self.playing and not self._stepping)

    def restore(self, path: str) -> None:
        """Put the default value at a path."""
        if self.place is not None:
            self.choose(path, plain_value(value_at(self.place.reference, path)))

    def look_at(self, *, seed: int | None = None, frame: int | None = None) -> None:
        """Look at another seed by its index, or at another entry of the moving dimension.

        The address follows at once; that of an entry only when the slider is let go.
        """
        there = self.place
        if there is None:
            return
        if seed is not None:
            there = replace(there, shown=max(0, min(seed, there.count - 1)))
        if frame is not None:
            last = self.view.bar.shown["frame"]["count"] - 1
            there = replace(there, frame=max(0, frame) if frame < last else None)
        self.place = there
        self.draw()
        if seed is not None:
            self.show_link()

    def draw(self) -> None:
        """Draw what there is; the browser answers with the number once it is drawn."""
        if self.dataset is not None and self.place is not None:
            if self.view.draw(self.dataset, self.place.shown, self.place.frame):
                self.view.bar.set({"number": self._run.queue.sent()})
            else:
                self._run.queue.soon(self.draw)  # the first picture is seen meanwhile

    def rest(self) -> None:
        """Nobody looks: nothing is computed until something is pressed."""
        if self.shown:
            self._rested()

    def make_file(self, form: str, asked: Mapping[str, Any] | None = None) -> None:
        """Make a file of what is shown, a picture as it is asked for, and hand it over."""
        exporter = self.view.exporter
        if self.place is None or self.dataset is None or self._stale:
            return exporter.fail("Nothing of these settings and seeds is computed yet.")
        self._stop()
        return deliver(form, self.place, self.dataset, asked or {}, self._run.queue, exporter)

    def _enter(self) -> None:
        """Take the place of the landscape, whose run is paused, and the address."""
        self._run.layout.show_labs(self.view, self._run.tour)
        if not self.shown and self._run.started:
            self._run.cancel()
        self._stop()
        self.shown = True

    def _take(self, there: LabPlace, *, playing: bool = False) -> None:
        """Show the settings of a place, and compute what it asks for."""
        self._stale = self._stale or (self.dataset is not None and there != self.place)
        self.place = there
        self.view.show_lab(there)
        self.show_link()
        self._all(playing=playing)

    def _all(self, *, playing: bool, again: bool = False) -> None:
        """Compute all seeds, or the first picture."""
        there, store = self.place, self._run.worker.store
        if there is None:
            return
        self.view.bar.set({"done": 0})
        work = functools.partial(every_seed, again=again) if playing else first_picture
        self._compute(lambda: work(there, store), self._show, playing=playing)

    def _compute(self, work: Work, show: Callable[[Any], None], *, playing: bool = True) -> None:
        self.playing, self.busy, self._stepping = playing, True, False
        self.view.mark(stale=self.dataset is not None)
        self.view.bar.set({"playing": playing, "verdict": None, "message": ""})
        self._run.queue.submit(work, show, self._fail, self._rested, hurry=True)

    def _show_seed(self, found: tuple[int, Progress]) -> None:
        """Show what is known while one seed is computed: this one."""
        index, progress = found
        if self.place is not None and self.place.shown != index:
            self.place = replace(self.place, shown=index)
            self.show_link()
        self._show(progress)

    def _show(self, progress: Progress) -> None:
        found, there = progress.dataset, self.place
        if found is None or there is None:
            return
        linked, self._linked = self._linked, False
        try:
            check_frame(there, frames(found))
        except SpecError as error:
            if linked:
                self._refuse(error)
                return
            self.place = there = replace(there, frame=None)  # a setting has changed how many
            self.show_link()
        self.dataset, self._stale = found, False
        self.view.mark(stale=False)
        self.view.bar.set({"done": progress.done, "verdict": verdict(found, there)})
        self.draw()

    def _refuse(self, error: SpecError) -> None:
        self.open_gallery(f"This link could not be opened: {message_of(error)}")

    def _fail(self, error: Exception) -> None:
        self._tell(message_of(error))
        self._rested()

    def _stop(self) -> None:
        if self.busy:
            self._run.queue.cancel()
            self._rested()

    def _rested(self) -> None:
        self.view.bar.set({"playing": False})
        self.playing = self.busy = self._stepping = False
        self.view.mark(stale=self._stale)

    def _tell(self, failure: str) -> None:
        self.view.bar.set({"message": failure})

    def _actions(self) -> Mapping[str, Callable[..., None]]:
        """What the controls of labs call, by name."""
        return {
            "open": self.open,
            "leave": self.open_gallery,
            "leave_labs": self._left,
            "play": self.play,
            "step": self.step,
            "toggle": lambda: self.play(not self.playing),
            "again": self.again,
            "fresh": self.fresh,
            "count": self.count,
            "choose": self.choose,
            "restore": self.restore,
            "seed": lambda index: self.look_at(seed=index),
            "frame": lambda index: self.look_at(frame=index),
            "settled": self.show_link,
            "open_run": self.open_run,
            "drawn": self._run.queue.drawn,
            **{"make_file": self.make_file, "cancel_file": self._run.queue.cancel},
        }
