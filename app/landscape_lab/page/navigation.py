"""Navigation of a page: links, presets, tours, undo, kept runs, a run at a point of the picture."""

from landscape_core.foundation.errors import LandscapeError
from landscape_lab.page.run import PageRun
from landscape_lab.state.file_names import check_names_no_files
from landscape_lab.state.lab_place import LabPlace, place_of_run
from landscape_lab.state.link import place, toured
from landscape_lab.state.place import MOST_KEPT, Place
from landscape_lab.state.place_changes import (
    at_preset,
    in_history,
    started_at,
    with_camera,
    with_kept,
    without_kept,
)


class Navigation:
    """The controls that lead a page to another place."""

    def __init__(self, run: PageRun, first: Place) -> None:
        """Nothing is opened yet.

        Args:
            run: is brought to the places.
            first: the place to which an empty link leads, or one that cannot be read; a scene of
                the user's own has no others.
        """
        self._run, self._first = run, first

    def open(self, link: str) -> None:
        """Go to the place that a link names; if it cannot be read, to the first, saying why."""
        run, layout = self._run, self._run.layout
        try:
            rest, tour = toured(link if self._first.preset else "")
            if tour is not None:
                layout.guide.tour(*tour, opening=not rest)
            if layout.shows_labs:
                return  # the step names a lab
            if tour is None and self._turned_by(rest):
                return
            if tour is None or rest or not run.travelling:
                first = self._first if run.started else run.place
                there = place(rest) if rest else first
                if rest and run.host != "notebook":
                    check_names_no_files(there, run.held)  # whoever wrote the link
                run.go(there, fresh=True)
        except LandscapeError as error:
            run.go(self._first, fresh=True)
            layout.toolbar.message(f"This link could not be opened: {error}", alert=True)

    def _turned_by(self, link: str) -> bool:
        """Undo or redo the last change if a link, of the browser's Back, leads just there."""
        run = self._run
        if not run.started or run.busy or not link:
            return False
        if run.history.undoes(link):
            self.undo()
            return True
        if run.history.redoes(link):
            self.redo()
            return True
        return False

    def open_preset(self, name: str) -> None:
        """Open a preset by name, or the present one anew if the name is empty."""
        run = self._run
        run.history.add(run.place)
        self.leave_tour()
        run.go(at_preset(run.place, name), fresh=True)

    def open_step(self, link: str) -> None:
        """Go to the place of a step of a tour."""
        run = self._run
        run.history.add(run.place)
        run.go(place(link), fresh=True)

    def open_run(self, there: LabPlace) -> None:
        """Open the run that a lab trains, if it is one that can be stated."""
        place_there, run = place_of_run(there), self._run
        if place_there is not None:
            self.leave_tour()
            run.history.add(run.place)
            run.go(place_there, fresh=True)
            run.layout.show_run_of(there)

    def leave_tour(self) -> None:
        """Close the tour that is read, if one is."""
        self._run.layout.guide.close_tour()
        self._run.tour = None

    def start_here(self) -> None:
        """Start a run at the point of the picture that is looked at."""
        run = self._run
        if run.point is None and not run.weights:
            return
        alpha, beta = run.point or (None, None)
        there = started_at(run.place, alpha, beta, run.weights)
        if run.accepts(there):
            run.history.add(run.place)
            run.go(there, fresh=True)

    def undo(self) -> None:
        """Go back to where the last change of a setting was made."""
        self._turn(self._run.history.undo(self._run.place))

    def redo(self) -> None:
        """Go to the place that the last undo left."""
        self._turn(self._run.history.redo(self._run.place))

    def keep(self) -> None:
        """Hold the run, and keep it to compare others with."""
        run = self._run
        if len(run.place.kept) < MOST_KEPT and run.accepts(with_kept(run.place)):
            run.playing = False
            run.history.add(run.place)
            run.submit(keep=True)

    def forget(self) -> None:
        """Keep no run any more."""
        run = self._run
        run.history.add(run.place)
        run.place = without_kept(run.place)
        run.submit()

    def _turn(self, there: Place | None) -> None:
        """Go to a place of the history; where only the picture differs, the run stays."""
        if there is None:
            return
        run = self._run
        run.playing, run.point = False, None
        run.place = with_camera(in_history(run.place, there), run.scene.display.camera)
        run.layout.show_preset(run.place)
        run.submit(go=run.place)
