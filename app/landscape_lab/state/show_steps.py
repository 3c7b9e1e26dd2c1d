"""The steps of a "Show me": what the page does by itself, one visible step after the other.

A list of words and of mappings with one key, in the YAML of a preset or in a block `show` of a
tour. Nothing but these verbs is done, and every value is one that its control accepts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import FileName
from landscape_lab.figures.comparison_modes import MODES
from landscape_lab.state.form_model import assign, rows
from landscape_lab.state.scene import VIEWS, Scene

MOST_STEPS = 12
"""Steps of one "Show me"."""

PLAIN = ("reset", "keep")
"""Verbs without a value."""

ACCEPTED = (
    "reset, keep, set: {path: value}, train: step, view: 2d or 3d, compare: "
    + " or ".join(MODES)
)  # fmt: skip
"""What a step may be, in words."""

COMPARISON = "display.comparison"
SHOW = "display.show"


@dataclass(frozen=True)
class ShowStep:
    """One step: a verb, the path and value that it sets if any, and what is said of it.

    `verb` is reset, keep, train, set, view or compare; `path` is empty for the first three.
    """

    verb: str
    path: str = ""
    value: Any = None
    words: str = ""

    def plain(self) -> dict[str, str]:
        """What the browser gets: the control to point at, and the words."""
        action = {"view": f"view-{self.value}", "compare": "view-compare", "train": "play"}
        target = "" if self.verb == "set" else action.get(self.verb, self.verb)
        return {"path": self.path if self.verb == "set" else "", "action": target,
                "words": self.words}  # fmt: skip


def show_steps(content: Any, scene: Scene) -> tuple[ShowStep, ...]:
    """The steps of a list, checked against the scene in which they begin.

    Raises:
        SpecError: no list, too many steps, an unknown verb, or a value that is not accepted.
    """
    if not isinstance(content, list) or not content:
        raise SpecError("show", content, f"a list of steps: {ACCEPTED}")
    if len(content) > MOST_STEPS:
        raise SpecError("show", f"{len(content)} steps", f"at most {MOST_STEPS}")
    steps = []
    for one in content:
        verb, value = _parted(one)
        step = _step(verb, value, scene)
        if step.verb == "set":
            scene = assign(scene, step.path, step.value)
        steps.append(step)
    return tuple(steps)


def _parted(one: Any) -> tuple[str, Any]:
    if isinstance(one, str) and one in PLAIN:
        return one, None
    if isinstance(one, Mapping) and len(one) == 1:
        verb, value = next(iter(one.items()))
        if verb in ("set", "train", "view", "compare"):
            return str(verb), value
    raise SpecError("show", one, ACCEPTED)


def _step(verb: str, value: Any, scene: Scene) -> ShowStep:
    if verb == "set":
        return _setting(value, scene)
    if verb == "train":
        if type(value) is not int or not 0 < value <= scene.run.steps:
            accepted = f"a step of the run, 1 to {scene.run.steps}"
            raise SpecError("show: train", value, accepted)
        return ShowStep(verb, "", value, f"Train to step {value}")
    if verb == "view":
        if str(value) not in VIEWS[:2]:
            raise SpecError("show: view", value, "one of " + ", ".join(VIEWS[:2]))
        return ShowStep(verb, SHOW, str(value), f"Look at it in {str(value)[0]}-D")
    if verb == "compare":
        if value not in MODES:
            raise SpecError("show: compare", value, "one of " + ", ".join(MODES))
        return ShowStep(verb, COMPARISON, value, "Compare the two runs")
    return ShowStep(verb, words="Back to the start" if verb == "reset" else "Keep this run")


def _setting(value: Any, scene: Scene) -> ShowStep:
    """The step that sets a value; the path is on the form, the value one that it accepts."""
    accepted = "one path and its value, as {run.batch_size: 500}"
    if not isinstance(value, Mapping) or len(value) != 1:
        raise SpecError("show: set", value, accepted)
    path, wanted = next(iter(value.items()))
    labels = {row.path: row.field.label for row in rows(scene)
              if not isinstance(row.field.mark, FileName)}  # fmt: skip
    if path not in labels or not isinstance(wanted, bool | int | float | str):
        raise SpecError("show: set", value, accepted)
    assign(scene, path, wanted)
    return ShowStep("set", path, wanted, f"Set {labels[path]} to {_said(wanted)}")


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value).replace("_", " ")
