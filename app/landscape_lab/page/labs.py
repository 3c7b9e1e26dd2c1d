"""The labs of a page: which one is open, the seeds that are computed, and what is looked at.

A lab takes the place of the landscape, and its work that of the run: one page has one worker.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import xarray as xr

from landscape_core.experiments.progress import Progress
from landscape_core.foundation.errors import SpecError
from landscape_lab.page.form_sections import message_of
from landscape_lab.page.lab_files import FORMS, content
from landscape_lab.page.lab_view import LabView
from landscape_lab.page.last_catch import caught
from landscape_lab.page.run import PageRun
from landscape_lab.state.form_model import assign, plain_value, value_at
from landscape_lab.state.lab_place import GALLERY, LabPlace, named_by, opening
from landscape_lab.worker.lab_work import every_seed, first_picture


class PageLabs:
    """The gallery and the lab of a page; `place` is the lab that is open, if one is."""

    def __init__(self, run: PageRun, left: Callable[[], None]) -> None:
        """No lab is open, and nothing of them is built.

        Args:
            run: of the landscape, whose worker and layout are used.
            left: called when the user goes back to the landscape.
        """
        self._run, self._left = run, left
        self._view: LabView | None = None
        self.place: LabPlace | None = None
        self.dataset: xr.Dataset | None = None
        self.shown = self.playing = self.busy = False
        self._seed = 0
        self._frame: int | None = None

    @property
    def view(self) -> LabView:
        """Gallery and lab, built at their first use."""
        if self._view is None:
            self._view = LabView(
                {name: caught(act, self._tell) for name, act in self._actions().items()}
            )
        return self._view

    def open_link(self, link: str) -> None:
        """Open the lab that a link names, or the gallery; if it cannot be read, saying why."""
        try:
            there = named_by(link)
        except SpecError as error:
            self.open_gallery(f"This link could not be opened: {message_of(error)}")
            return
        if there is None:
            self.open_gallery()
        else:
            self.go(there)

    def open_gallery(self, message: str = "") -> None:
        """Show all labs in place of the landscape."""
        self._enter()
        self.place = None
        self.view.show_gallery(message)
        self._run.layout.show_labs(self.view, GALLERY)

    def open(self, name: str) -> None:
        """Open a lab as it is by default."""
        self.go(opening(name))

    def go(self, there: LabPlace) -> None:
        """Open a lab with settings and seeds; what is kept of it is shown at once."""
        self._enter()
        if self.place is None or self.place.name != there.name:
            self.view.clear()
            self._seed, self._frame = 0, None
        self.dataset = None
        self._take(there)

    def hide(self) -> None:
        """Show the landscape again."""
        if self.shown:
            self._stop()
            self.shown, self.place = False, None
            self._run.layout.show_labs(None, "")

    def play(self, playing: bool = True) -> None:  # noqa: FBT001, FBT002 - the state of a button
        """Compute all seeds, or hold; finished seeds are kept."""
        if playing:
            self._compute(playing=True)
        else:
            self._stop()

    def again(self) -> None:
        """Compute the seeds anew, although they are kept."""
        self._compute(playing=True, again=True)

    def fresh(self) -> None:
        """Compute seeds that were not used before."""
        if self.place is not None:
            self._take(self.place.fresh(), playing=True)

    def count(self, count: int) -> None:
        """Try the claim on so many seeds."""
        if self.place is not None and count != self.place.count:
            self._seed = min(self._seed, count - 1)
            self._take(replace(self.place, count=count), playing=self.playing)

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
        self._take(replace(self.place, lab=lab), playing=self.playing)

    def restore(self, path: str) -> None:
        """Put the default value at a path."""
        if self.place is not None:
            self.choose(path, plain_value(value_at(self.place.reference, path)))

    def look_at(self, *, seed: int | None = None, frame: int | None = None) -> None:
        """Look at another seed by its index, or at another entry of the moving dimension."""
        if seed is not None:
            self._seed = seed
        if frame is not None:
            last = self.view.bar.shown["frame"]["count"] - 1
            self._frame = frame if frame < last else None
        self.draw()

    def draw(self) -> None:
        """Draw what there is; the browser answers with the number once it is drawn."""
        if self.dataset is not None:
            self.view.draw(self.dataset, self._seed, self._frame)
            self.view.bar.set({"number": self._run.queue.sent()})

    def rest(self) -> None:
        """Nobody looks: nothing is computed until something is pressed."""
        if self.shown:
            self._rested()

    def make_file(self, form: str) -> None:
        """Make a file of what is shown, and hand it to the browser."""
        there, dataset, exporter = self.place, self.dataset, self.view.exporter
        if there is None or dataset is None:
            exporter.fail("There is nothing to export yet.")
            return
        self._stop()
        mime = FORMS[form][2]

        def made() -> Iterator[bytes]:
            yield content(form, there.lab, there.seeds, dataset)

        def show(data: bytes) -> None:
            text = data.decode() if form == "py" else None
            exporter.deliver(f"{there.name}.{form}", mime, data, text)

        self._run.queue.submit(
            made, show, lambda error: exporter.fail(message_of(error)), lambda: None
        )

    def _enter(self) -> None:
        """Take the place of the landscape, whose run is paused."""
        if not self.shown and self._run.started:
            self._run.cancel()
        self._stop()
        self.shown = True

    def _take(self, there: LabPlace, *, playing: bool = False) -> None:
        """Show the settings of a place, and compute what it asks for."""
        self.place = there
        self.view.show_lab(there)
        self._run.layout.show_labs(self.view, there.link())
        self._compute(playing=playing)

    def _compute(self, *, playing: bool, again: bool = False) -> None:
        there, store = self.place, self._run.worker.store
        if there is None:
            return
        self.playing, self.busy = playing, True
        self.view.mark(stale=self.dataset is not None)
        self.view.bar.set({"playing": playing, "done": 0, "verdict": None, "message": ""})

        def work() -> Iterator[Progress]:
            if playing:
                return every_seed(there, store, again=again)
            return first_picture(there, store)

        self._run.queue.submit(work, self._show, self._fail, self._rested)

    def _show(self, progress: Progress) -> None:
        found = progress.dataset
        if found is None:
            return
        self.dataset = found
        self.view.mark(stale=False)
        self.view.bar.set({"done": progress.done, "verdict": _verdict(found, self.place)})
        self.draw()

    def _fail(self, error: Exception) -> None:
        self._tell(message_of(error))
        self._rested()

    def _stop(self) -> None:
        if self.busy:
            self._run.queue.cancel()
            self._rested()

    def _rested(self) -> None:
        self.playing = False
        self.view.bar.set({"playing": False})
        self.view.mark(stale=False)
        self.busy = False

    def _tell(self, failure: str) -> None:
        self.view.bar.set({"message": failure})

    def _actions(self) -> Mapping[str, Callable[..., None]]:
        """What the controls of labs call, by name."""
        return {
            "open": self.open,
            "leave": self.open_gallery,
            "leave_labs": self._left,
            "play": self.play,
            "toggle": lambda: self.play(not self.playing),
            "again": self.again,
            "fresh": self.fresh,
            "count": self.count,
            "choose": self.choose,
            "restore": self.restore,
            "seed": lambda index: self.look_at(seed=index),
            "frame": lambda index: self.look_at(frame=index),
            "drawn": self._run.queue.drawn,
            "make_file": self.make_file,
        }


def _verdict(dataset: xr.Dataset, there: LabPlace | None) -> dict[str, str] | None:
    """The verdict in words, once all seeds are computed."""
    words = str(dataset.attrs.get("verdict_in_words", ""))
    if not words or there is None:
        return None
    word, _, text = words.partition(": ")
    return {"word": word, "text": text, "expected": type(there.lab).expected}
