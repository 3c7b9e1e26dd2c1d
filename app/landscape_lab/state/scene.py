"""What is on the screen, as one recipe; and the presets to start from."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob, Note, Recipe
from landscape_core.session.view import View
from landscape_core.training.run import Run
from landscape_lab.panels.base import Aside
from landscape_lab.panels.boundary import Boundary
from landscape_lab.state.form_model import assign

PRESETS = Path(__file__).parents[1] / "content" / "presets"
FIRST = "spirals"

COMPARISONS = {
    "side": "side by side",
    "own": "own colours",
    "difference": "differences",
    "together": "on one plane",
}
"""How kept runs are compared, in a word or two each."""


@dataclass(frozen=True, kw_only=True)
class Display(Recipe):
    """How the slice is drawn."""

    show: Annotated[
        str, Choice(("2d", "3d", "compare"), "contours, surface, or runs that are kept")
    ] = "2d"
    comparison: Annotated[
        str,
        Choice(
            tuple(COMPARISONS),
            "kept runs: with one scale of colours or each its own, less the first, on one plane",
        ),
    ] = "side"
    height: Annotated[str, Choice(("log", "linear"), "scale of heights and colours")] = "log"
    limits: Annotated[
        str,
        Note("losses of the first and last colour, as 0.01, 3; empty: they follow the picture"),
    ] = ""
    color: Annotated[str, Choice(("loss", "accuracy"), "what is drawn over the plane")] = "loss"
    aside: Annotated[Aside, Note("beside the landscape")] = field(default_factory=Boundary)
    speed: Annotated[int, Knob(1, 1000, "training steps between two pictures", scale="log")] = 1

    def check(self) -> None:
        """Refuse limits that are no range."""
        if self.limits:
            self.range()

    def range(self) -> tuple[float, float] | None:
        """The losses of the first and the last colour; None: they follow the picture.

        Raises:
            SpecError: the limits are not two numbers, the lower one first.
        """
        if not self.limits:
            return None
        accepted = "two numbers, the lower one first, as 0.01, 3"
        if self.height == "log":
            accepted += ", both above zero on a log scale"
        try:
            low, high = (float(word) for word in self.limits.split(","))
        except ValueError:
            raise SpecError("Display.limits", self.limits, accepted) from None
        if not (low < high < float("inf")) or (self.height == "log" and low <= 0):
            raise SpecError("Display.limits", self.limits, accepted)
        return low, high


@dataclass(frozen=True, kw_only=True)
class Scene(Recipe):
    """A run, the slice that is looked at, and how it is drawn: the whole state of a page."""

    run: Annotated[Run, Note("what is trained")] = field(default_factory=Run)
    view: Annotated[View, Note("which slice is looked at")] = field(default_factory=View)
    display: Annotated[Display, Note("how it is drawn")] = field(default_factory=Display)


@dataclass(frozen=True)
class Preset:
    """A scene with a question to think about, what to watch, and what it then shows."""

    name: str
    title: str
    question: str
    watch: str
    shows: str
    steps: int
    scene: Scene

    def words(self) -> dict[str, str]:
        """What a menu shows of it."""
        return {"name": self.name, "title": self.title, "question": self.question}


@functools.cache
def presets() -> dict[str, Preset]:
    """The presets of the folder `presets/`, one YAML file each, in the order of their rank."""
    files = [
        (yaml.safe_load(path.read_text("utf-8")), path.stem) for path in PRESETS.glob("*.yaml")
    ]
    files.sort(key=lambda pair: (pair[0]["rank"], pair[1]))
    return {name: _preset(name, content) for content, name in files}


def _preset(name: str, content: Mapping[str, Any]) -> Preset:
    scene = Scene()
    for path, value in content["scene"].items():
        scene = assign(scene, path, value)
    words = {key: str(content[key]).strip() for key in ("title", "question", "watch", "shows")}
    return Preset(name=name, steps=int(content["steps"]), scene=scene, **words)
