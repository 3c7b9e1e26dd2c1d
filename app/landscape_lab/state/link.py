"""Links: the place that one names, read within bounds; nothing is built before all is checked."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.registry import entries
from landscape_core.models.weight_change import WeightChange
from landscape_core.slices.strategies.base import Strategy
from landscape_core.training.run import continues
from landscape_lab.state.form_model import assign, differences, value_at
from landscape_lab.state.place import AT, MOST_KEPT, SAFE, Change, Origin, Place
from landscape_lab.state.preset import FIRST, presets
from landscape_lab.state.scene import Scene

EARLIER = {
    "view.": "slice.",
    "display.aside": "display.side_panel",
    "display.height": "display.scale",
}
"""How settings began in links of earlier versions, and how they begin now."""

NESTED = ("from", "kept")
WORDS = ("preset", "step", "seen", "from", "alpha", "beta", "weight", "kept", "strategy")
"""Words of a link that are no settings."""

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
        _check_version(path)
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
        _origin(once, [value for path, value in words if path == "weight"]),
        kept,
        _whole("seen", once["seen"]) if "seen" in once else None,
        _strategy(once.get("strategy", "")),
    )
    return replace(found, changes=tuple(_typed(found)))


def _check_version(path: str) -> None:
    """Refuse a setting by the name that it had in links of an earlier version."""
    name = path.partition(".")[2].partition(".")[2] if path.startswith(AT) else path
    for before, now in EARLIER.items():
        if name.startswith(before):
            accepted = f"{now}{name.removeprefix(before)}, as the link is of an earlier version"
            raise SpecError("a setting", name, accepted)


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


def _origin(words: dict[str, str], weights: list[str]) -> Origin | None:
    if "from" not in words:
        if stray := [name for name in ("alpha", "beta", "weight") if name in words]:
            raise SpecError(
                stray[0], words[stray[0]], "in a link with `from`, the run whose network it is"
            )
        return None
    changes = tuple(map(WeightChange.read, weights))
    if changes and not words.keys() & {"alpha", "beta"}:
        return Origin(_place(words["from"]), None, None, changes)
    ends: list[float] = []
    for name in ("alpha", "beta"):
        try:
            ends.append(float(words[name]))
        except (KeyError, ValueError):
            raise SpecError(name, words.get(name, ""), "a number, in addition to `from`") from None
        if not math.isfinite(ends[-1]):
            raise SpecError(name, words[name], "a finite number")
    return Origin(_place(words["from"]), ends[0], ends[1], changes)


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
        yield from _made(change, scene, after)
        scene = after


def _made(change: Change, before: Scene, after: Scene) -> Iterator[Change]:
    """What a change has changed: one value or, of another part, all that it brings."""
    value = value_at(after, change.path)
    if isinstance(value, Recipe):
        changed = differences(after, before)
        yield from (Change(change.step, path, new) for path, new in changed.items())
    elif value != value_at(before, change.path):
        yield Change(change.step, change.path, value)


def _whole(name: str, text: Any) -> int:
    if not str(text).isdecimal() or len(str(text)) > DIGITS:
        raise SpecError(name, text, f"a whole number, 0 or larger, of at most {DIGITS} digits")
    return int(text)
