"""Where a page stands: how the run came there and what is looked at; and the link that says so.

A place is all that is needed to stand there again: the scene from which the run began, the settings
that were changed on the way with the steps at which they were, the point of another picture that it
started from, and the runs that are kept to compare it with.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from landscape_core.models.weight_change import WeightChange
from landscape_core.training.run import continues
from landscape_lab.state.form_model import assign, differences
from landscape_lab.state.own_tables import public_value
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import Scene

if TYPE_CHECKING:
    from landscape_core.session.picture import Picture

SAFE = ",.:/"
AT = "at."
MOST_KEPT = 3
"""Maximum number of runs kept in addition to the current one."""


@dataclass(frozen=True)
class Change:
    """A setting that was changed when the run stood at a step."""

    step: int
    path: str
    value: Any


@dataclass(frozen=True)
class Origin:
    """A point of another picture, at which a run starts.

    Without coordinates it is the network of the run that is looked at there. `weights` are those
    that were set by hand afterwards.
    """

    place: "Place"
    alpha: float | None
    beta: float | None
    weights: tuple[WeightChange, ...] = ()

    def in_link(self) -> Iterator[tuple[str, str]]:
        """The words of a link that name it."""
        yield "from", self.place.link()
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if value is not None:
                yield name, repr(value)
        for weight in self.weights:
            yield "weight", str(weight)

    def words(self) -> str:
        """Where it is, in short."""
        at = (self.alpha, self.beta)
        where = "the network shown" if None in at else f"({self.alpha:.3g}, {self.beta:.3g})"
        hand = f", {len(self.weights)} changed by hand" if self.weights else ""
        return where + hand


@dataclass(frozen=True)
class Place:
    """A run at a step, how it came there, and what is looked at.

    `preset` is empty for a scene of the user's own. `seen` is the step that is looked at, where it
    is not the last. `strategy` is how the held picture was evaluated, where there is one: by the
    same, the same numbers come out again to the last bit.
    """

    preset: str
    start: Scene
    step: int
    changes: tuple[Change, ...] = ()
    origin: Origin | None = None
    kept: "tuple[Place, ...]" = ()
    seen: int | None = None
    strategy: str = ""

    @functools.cached_property
    def scene(self) -> Scene:
        """What is now asked for: the start with all changes made."""
        scene = self.start
        for change in self.changes:
            scene = assign(scene, change.path, change.value)
        return scene

    def changed(self, change: Change) -> "Place":
        """The place with one more change."""
        scene = assign(self.scene, change.path, change.value)
        return self._with(scene, changes=(*self.changes, change))

    def at(self, step: int) -> "Place":
        """The place with the run at another step."""
        return self._with(self.scene, step=step)

    def _with(self, scene: Scene, **parts: Any) -> "Place":
        """The place with other parts, whose scene is known and not put together once more."""
        other = replace(self, **{"strategy": "", **parts})
        other.__dict__["scene"] = scene
        return other

    def follows(self, other: "Place") -> bool:
        """Whether a run at the other place need only go on to reach this one."""
        same = self.start.run == other.start.run and self.origin == other.origin
        known = self.changes[: len(other.changes)] == other.changes
        later = self.changes[len(other.changes) :]
        return same and known and all(change.step >= other.step for change in later)

    def wanting(self, scene: Scene) -> "Place":
        """The place with settings changed where the run stands; at its start if it cannot go on."""
        place = self
        for path, value in differences(scene, self.scene).items():
            place = place._changed(path, value)
        return place

    def back(self, step: int) -> "Place":
        """The place where the run stood at an earlier step, with the settings of now."""
        earlier = tuple(change for change in self.changes if change.step < step)
        then = replace(self, step=step, changes=earlier, seen=None, strategy="")
        return then.wanting(self.scene)

    def alone(self) -> "Place":
        """The place without the runs that it is compared with."""
        return replace(self, kept=())

    def shown_by(self, picture: "Picture | None") -> "Place":
        """The place with the strategy of its held picture, if that is the one that is shown."""
        held = picture is not None and "checked_points" in picture.slice.attrs
        strategy = str(picture.slice.attrs["strategy"][0]) if held and picture else ""
        return replace(self, strategy=strategy)

    def _changed(self, path: str, value: Any) -> "Place":
        wanted = assign(self.scene, path, value)
        if wanted.run != self.scene.run and not continues(self.scene.run, wanted.run):
            same = wanted.run.problem == self.scene.run.problem
            origin = self.origin if same else None
            anew = replace(self, start=wanted, step=0, changes=(), origin=origin, seen=None)
            return replace(anew, strategy="")
        fixed = path.startswith("slice.") and not wanted.slice.follow
        moves = fixed or wanted.run != self.scene.run
        begun = replace(self, start=assign(self.start, path, value), strategy="")
        if begun.scene == wanted and not (moves and self.step):
            return begun
        last = self.changes[-1] if self.changes else None
        again = last is not None and (last.step, last.path) == (self.step, path)
        changes = (*(self.changes[:-1] if again else self.changes), Change(self.step, path, value))
        return replace(self, changes=changes, strategy="")

    def link(self) -> str:
        """A short query string that opens the same place; empty for a scene of the user's."""
        if not self.preset:
            return ""
        return urlencode(list(self._words()), quote_via=quote, safe=SAFE)

    def _words(self) -> Iterator[tuple[str, str]]:
        yield "preset", self.preset
        yield "step", str(self.step)
        for path, value in differences(self.start, presets()[self.preset].scene).items():
            yield path, _worded(public_value(self.start, path, value))
        for change in self.changes:
            yield f"{AT}{change.step}.{change.path}", _worded(change.value)
        if self.origin is not None:
            yield from self.origin.in_link()
        for place in self.kept:
            yield "kept", place.link()
        if self.seen is not None:
            yield "seen", str(self.seen)
        if self.strategy:
            yield "strategy", self.strategy


def _worded(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"
