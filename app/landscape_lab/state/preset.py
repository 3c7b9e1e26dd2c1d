"""The presets: scenes to start from, each with a question to think about."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from landscape_lab.state.form_model import assign
from landscape_lab.state.scene import Scene

PRESETS = Path(__file__).parents[1] / "content" / "presets"


FIRST = "spirals"


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
    """The presets of `content/presets/`, one YAML file each, in the order of their rank."""
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
