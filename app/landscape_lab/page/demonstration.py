"""A "Show me": its steps done one after the other, each when the browser has pointed at it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from landscape_lab.page.navigation import Navigation
from landscape_lab.page.run import PageRun
from landscape_lab.page.settings import PageSettings
from landscape_lab.state.place_changes import restarted
from landscape_lab.state.show_steps import SHOW, ShowStep


class Demonstration:
    """Steps that are under way; the browser asks for each, and for the next once it is done."""

    def __init__(self, run: PageRun, navigation: Navigation, settings: PageSettings) -> None:
        """Nothing is shown yet."""
        self._run, self._navigation, self._settings = run, navigation, settings
        self._steps: Sequence[ShowStep] = ()
        self._at = 0

    @property
    def under_way(self) -> bool:
        """Whether steps are still to be done."""
        return bool(self._steps)

    def begin(self, steps: Sequence[ShowStep]) -> None:
        """Point at the first of some steps; runs that were kept are discarded before."""
        self.stop()
        if not steps:
            return
        self._steps, self._at = steps, 0
        if self._run.place.kept:
            self._navigation.forget()
            self._after(self._point)
        else:
            self._point()

    def act(self, number: int) -> None:
        """Do a step that the browser has pointed at, unless another one is due by now."""
        if not self._steps or number != self._at:
            return
        self._do(self._steps[self._at])
        self._at += 1
        self._after(self._point)

    def stop(self) -> None:
        """Do no more steps; what was done stays, and can be undone."""
        if self._steps:
            self._steps = ()
            self._run.layout.guide.point_at(None)

    def _point(self) -> None:
        """Let the browser point at the step that is due, or say that all are done."""
        if not self._steps:
            return
        if self._at == len(self._steps):
            self.stop()
            return
        step = {**self._steps[self._at].plain(), "at": self._at, "of": len(self._steps)}
        self._run.layout.guide.point_at(step)

    def _after(self, action: Callable[[], None]) -> None:
        """Call this once the run is at rest, which it may be already."""
        if self._run.busy:
            self._run.when_at_rest(action)
        else:
            action()

    def _do(self, step: ShowStep) -> None:
        run = self._run
        if step.verb == "keep":
            self._navigation.keep()
        elif step.verb in ("set", "view"):
            self._settings.choose(step.path, step.value)
        elif step.verb == "compare":
            self._settings.choose(step.path, step.value)
            self._settings.choose(SHOW, "compare")
        elif step.verb == "reset":
            run.history.add(run.place)
            run.go(restarted(run.place), fresh=True)
        else:  # train, which no undo takes back
            run.go(replace(run.place, step=int(step.value), seen=None))
