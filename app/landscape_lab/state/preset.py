"""The presets: scenes to start from, each with a question to think about."""

import functools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab
from landscape_core.storage.bounded_files import bounded_text
from landscape_lab.state.first_preset import FIRST as FIRST
from landscape_lab.state.form_model import assign
from landscape_lab.state.scene import Scene
from landscape_lab.state.show_steps import ShowStep, show_steps

LARGEST = 2**16
"""Bytes of a preset's file."""

DAMAGE = (ValueError, TypeError, AttributeError)
"""What a file of other content leads to."""

PRESETS = Path(__file__).parents[1] / "content" / "presets"


PICTURES = ("landscape", "panel")
"""What the picture of a preset in the gallery is."""


@dataclass(frozen=True)
class Preset:
    """A scene with a question to think about, what to watch, and what it then shows.

    `point` says in one sentence what its picture shows. `lab` is the name of the lab that tries the
    claim behind it; empty: none. `show` are the steps of its "Show me", if it has one. `picture`
    says what the gallery shows: the landscape, or the side panel.
    """

    name: str
    title: str
    question: str
    watch: str
    shows: str
    steps: int
    scene: Scene
    point: str
    lab: str = ""
    show: tuple[ShowStep, ...] = ()
    picture: str = PICTURES[0]

    def words(self) -> dict[str, str]:
        """What the gallery shows of it."""
        return {"name": self.name, "title": self.title, "point": self.point}

    def has_data_of(self, scene: Scene) -> bool:
        """Whether a scene has the same problem and data set, whatever the settings of these."""
        return _data_of(scene) == _data_of(self.scene)


def _data_of(scene: Scene) -> tuple[type, type]:
    problem = scene.run.problem
    return type(problem), type(getattr(problem, "dataset", None))


@functools.cache
def presets() -> dict[str, Preset]:
    """The presets of `content/presets/`, one YAML file each, in the order of their rank."""
    return read_presets(PRESETS)


def read_presets(folder: Path) -> dict[str, Preset]:
    """The presets of a folder; one that cannot be read is left out, with a warning."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            content = yaml.safe_load(bounded_text(path, LARGEST))
            found.append((float(content["rank"]), _preset(path.stem, content)))
        except KeyError as error:
            warnings.warn(f"{path.name} is left out: it lacks {error}.", stacklevel=2)
        except (LandscapeError, yaml.YAMLError, OSError, *DAMAGE) as error:
            reason = " ".join(str(error).split())
            warnings.warn(f"{path.name} is left out: {reason}", stacklevel=2)
    return {preset.name: preset for _, preset in sorted(found, key=lambda one: one[0])}


def _preset(name: str, content: Mapping[str, Any]) -> Preset:
    scene = Scene()
    for path, value in content["scene"].items():
        scene = assign(scene, path, value)
    names = ("title", "question", "watch", "shows", "point")
    words = {key: str(content[key]).strip() for key in names}
    lab = str(content.get("lab", ""))
    if lab and not entries(Lab).known(lab):
        raise SpecError("lab", lab, "one of " + ", ".join(entries(Lab)))
    steps = int(content["steps"])
    show = show_steps(content["show"], scene) if "show" in content else ()
    picture = str(content.get("picture", PICTURES[0]))
    if picture not in PICTURES:
        raise SpecError("picture", picture, "one of " + ", ".join(PICTURES))
    return Preset(name=name, steps=steps, scene=scene, lab=lab, show=show, picture=picture, **words)
