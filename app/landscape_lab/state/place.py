"""Where a page stands: how the run came there and what is looked at; and the link that says so.

A place is all that is needed to stand there again: the scene from which the run began, the settings
that were changed on the way with the steps at which they were, the point of another picture that it
started from, and the runs that are kept to compare it with.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries
from landscape_core.slices.strategies.base import Strategy
from landscape_core.training.run import continues
from landscape_lab.state.form_model import assign, differences
from landscape_lab.state.preset import FIRST, presets
from landscape_lab.state.scene import Scene

if TYPE_CHECKING:
    from landscape_core.session.picture import Picture

SAFE = ",.:/"
AT = "at."
NESTED = ("from", "kept")
WORDS = ("preset", "step", "seen", "from", "alpha", "beta", "kept", "strategy")
"""Words of a link that are no settings."""

MOST_KEPT = 3
"""Maximum number of runs kept in addition to the current one."""

LONGEST = 2**17
"""Characters of a link that is read."""

MOST_WORDS = 1600
"""Settings and changes of a link that is read, those of its origins and kept runs included."""

MOST_ORIGINS = 8
"""Runs that a link starts one at a point of the other."""

DIGITS = 18
"""Of a step in a link."""

SPARE = 0.9
"""The fraction of this that a page makes use of: what it makes is surely read."""


@dataclass(frozen=True)
class Change:
    """A setting that was changed when the run stood at a step."""

    step: int
    path: str
    value: Any


@dataclass(frozen=True)
class Origin:
    """A point of another picture, at which a run starts."""

    place: "Place"
    alpha: float
    beta: float


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
            yield path, _worded(value)
        for change in self.changes:
            yield f"{AT}{change.step}.{change.path}", _worded(change.value)
        if self.origin is not None:
            yield "from", self.origin.place.link()
            yield "alpha", repr(self.origin.alpha)
            yield "beta", repr(self.origin.beta)
        for place in self.kept:
            yield "kept", place.link()
        if self.seen is not None:
            yield "seen", str(self.seen)
        if self.strategy:
            yield "strategy", self.strategy


def check_bounds(link: str, share: float = 1.0) -> None:
    """Refuse a link that would take long to read, before anything of it is read.

    Raises:
        SpecError: more than this share of what is read at most.
    """
    if len(link) > share * LONGEST:
        raise SpecError("a link", len(link), f"at most {share * LONGEST:.0f} characters long")
    words, depth = _extent(link.lstrip("#?"))
    if words > share * MOST_WORDS:
        at_most = f"at most {share * MOST_WORDS:.0f}, with those of the runs that it compares"
        raise SpecError("the number of settings and changes in a link", words, at_most)
    if depth > MOST_ORIGINS:
        at_most = f"at most {MOST_ORIGINS}"
        raise SpecError("the number of runs that start in one another", depth, at_most)


def _extent(link: str, depth: int = 0) -> tuple[int, int]:
    """How many words a link has, and how deeply others are nested in it."""
    words = parse_qsl(link, keep_blank_values=True)
    if depth > MOST_ORIGINS:
        return len(words), depth
    within = [_extent(value, depth + 1) for name, value in words if name in NESTED]
    return len(words) + sum(n for n, _ in within), max([depth, *(deep for _, deep in within)])


def opening(name: str) -> Place:
    """The place at which a preset opens."""
    preset = presets()[name]
    return Place(name, preset.scene, preset.steps)


def place(link: str) -> Place:
    """The place that a link names; what it leaves out is as in its preset.

    Raises:
        SpecError: an unknown preset or setting, a value that is not accepted, or more of it all
            than is read at most.
    """
    check_bounds(link)
    return _place(link)


def _place(link: str) -> Place:
    words = parse_qsl(link.lstrip("#?"))
    once = dict(words)
    name = once.get("preset", FIRST)
    if name not in presets():
        raise SpecError("preset", name, "one of " + ", ".join(presets()))
    scene, changes = presets()[name].scene, []
    for path, value in words:
        if path.startswith(AT):
            step, _, changed = path.removeprefix(AT).partition(".")
            changes.append(Change(_whole(AT + step, step), changed, value))
        elif path not in WORDS:
            scene = assign(scene, path, value)
    kept = tuple(_place(value) for path, value in words if path == "kept")
    if len(kept) > MOST_KEPT:
        raise SpecError("kept", len(kept), f"at most {MOST_KEPT} runs")
    found = Place(
        name,
        scene,
        _whole("step", once.get("step", presets()[name].steps)),
        tuple(changes),
        _origin(once),
        kept,
        _whole("seen", once["seen"]) if "seen" in once else None,
        _strategy(once.get("strategy", "")),
    )
    return replace(found, changes=tuple(_typed(found)))


def toured(link: str) -> tuple[str, tuple[str, int] | None]:
    """A link without the tour that it names, and that tour with the step that is read.

    Raises:
        SpecError: the step is no number, or the link is longer than is read.
    """
    check_bounds(link)
    words = parse_qsl(link.lstrip("#?"))
    once = dict(words)
    if "tour" not in once:
        return link, None
    rest = [(name, value) for name, value in words if name not in ("tour", "at")]
    step = _whole("at", once.get("at", "1"))
    return urlencode(rest, quote_via=quote, safe=SAFE), (once["tour"], step)


def _origin(words: dict[str, str]) -> Origin | None:
    if "from" not in words:
        return None
    ends = []
    for name in ("alpha", "beta"):
        try:
            ends.append(float(words[name]))
        except (KeyError, ValueError):
            raise SpecError(name, words.get(name, ""), "a number, in addition to `from`") from None
        if not math.isfinite(ends[-1]):
            raise SpecError(name, words[name], "a finite number")
    return Origin(_place(words["from"]), *ends)


def _strategy(name: str) -> str:
    """The name of a strategy, or none."""
    if name and name not in entries(Strategy):
        raise SpecError("strategy", name, "one of " + ", ".join(entries(Strategy)))
    return name


def _typed(found: Place) -> Iterator[Change]:
    """The changes with values of the type of their field, each made on what was before."""
    scene, before = found.start, 0
    for change in found.changes:
        if change.step < before:
            raise SpecError("a change", change.step, f"at step {before} or later, in order")
        after, before = assign(scene, change.path, change.value), change.step
        if not continues(scene.run, after.run):
            accepted = "a setting that can change during a run"
            raise SpecError("a change", change.path, accepted)
        changed = differences(after, scene)
        yield from (Change(change.step, path, value) for path, value in changed.items())
        scene = after


def _whole(name: str, text: Any) -> int:
    if not str(text).isdecimal() or len(str(text)) > DIGITS:
        raise SpecError(name, text, f"a whole number, 0 or larger, of at most {DIGITS} digits")
    return int(text)


def _worded(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"
