"""What is on the screen, as one recipe; as a link; and as the presets to start from."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlencode

import yaml

from app.asides.base import Aside
from app.asides.boundary import Boundary
from app.forms import assign, differences
from landscape_core.errors import SpecError
from landscape_core.pictures import View
from landscape_core.recipes import Choice, Knob, Note, Recipe
from landscape_core.training import Run

PRESETS = Path(__file__).parent / "presets"
FIRST = "spirals"
SAFE = ",.:/"


@dataclass(frozen=True, kw_only=True)
class Display(Recipe):
    """How the slice is drawn."""

    show: Annotated[str, Choice(("2d", "3d"), "contours or surface")] = "2d"
    height: Annotated[str, Choice(("log", "linear"), "scale of heights and colours")] = "log"
    color: Annotated[str, Choice(("loss", "accuracy"), "what is drawn over the plane")] = "loss"
    aside: Annotated[Aside, Note("beside the landscape")] = field(default_factory=Boundary)
    speed: Annotated[int, Knob(1, 1000, "training steps between two pictures", scale="log")] = 1


@dataclass(frozen=True, kw_only=True)
class Scene(Recipe):
    """A run, the slice that is looked at, and how it is drawn: the whole state of a page."""

    run: Annotated[Run, Note("what is trained")] = field(default_factory=Run)
    view: Annotated[View, Note("which slice is looked at")] = field(default_factory=View)
    display: Annotated[Display, Note("how it is drawn")] = field(default_factory=Display)


@dataclass(frozen=True)
class Preset:
    """A scene with a question to think about and what to watch."""

    name: str
    title: str
    question: str
    watch: str
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


@dataclass(frozen=True)
class Place:
    """Where a page stands: the preset it came from, the scene, and the step of the run."""

    preset: str
    scene: Scene
    step: int

    def link(self) -> str:
        """A short query string that opens the same view."""
        changes = differences(self.scene, presets()[self.preset].scene)
        text = {path: _worded(value) for path, value in changes.items()}
        return urlencode(
            {"preset": self.preset, "step": self.step, **text}, quote_via=quote, safe=SAFE
        )


def opening(name: str) -> Place:
    """The place at which a preset opens."""
    preset = presets()[name]
    return Place(name, preset.scene, preset.steps)


def place(link: str) -> Place:
    """The place that a link names; what it leaves out is as in its preset.

    Raises:
        SpecError: an unknown preset or setting, or a value that is not accepted.
    """
    words = dict(parse_qsl(link.lstrip("#?")))
    name = words.pop("preset", FIRST)
    if name not in presets():
        raise SpecError("preset", name, "one of " + ", ".join(presets()))
    preset = presets()[name]
    step = words.pop("step", str(preset.steps))
    if not step.isdecimal():
        raise SpecError("step", step, "a whole number")
    scene = preset.scene
    for path, value in words.items():
        scene = assign(scene, path, value)
    return Place(name, scene, int(step))


def _preset(name: str, content: Mapping[str, Any]) -> Preset:
    scene = Scene()
    for path, value in content["scene"].items():
        scene = assign(scene, path, value)
    words = {key: str(content[key]).strip() for key in ("title", "question", "watch")}
    return Preset(name=name, steps=int(content["steps"]), scene=scene, **words)


def _worded(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"
