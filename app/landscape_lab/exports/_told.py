"""What a picture shows, in one sentence, and the settings that are not as by default."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from landscape_core.foundation.recipes import Recipe, fields_of, label_of
from landscape_core.session.picture import Picture
from landscape_lab.figures.captions import certainty
from landscape_lab.state import form_model
from landscape_lab.state.place import Place

MAIN = ("architecture", "dataset")
"""Parts of a problem that the sentence names."""

FIRST = 2
"""Whole numbers of a network that the sentence gives, at most."""


def sentence(picture: Picture, variable: str) -> str:
    """What is shown, of which network, where on its way, and in which plane."""
    run, view = picture.run, picture.view
    plane = label_of(type(view.directions))
    told = f"The {'training' if view.split == 'train' else view.split} {variable}"
    told += f" of {_problem(run.problem)}, at step {picture.seen} of {_named(run.optimizer, float)}"
    told += f", batch size {run.batch_size}; plane: {plane}"
    moved = picture.path.sizes["step"] > 1
    return told + (f", {picture.captured:.0%} of the motion lies in it." if moved else ".")


def settings(place: Place, picture: Picture) -> str:
    """The settings that differ from their defaults, and how much of the picture was computed."""
    return "; ".join([*_changed(place, picture), *_quality(picture)])


def _problem(problem: Recipe) -> str:
    parts = [getattr(problem, name, None) for name in MAIN]
    network, data = (part if isinstance(part, Recipe) else None for part in parts)
    if network is None or data is None:
        return f"the {label_of(type(problem))}"
    return f"the network {_named(network, int)} on {label_of(type(data))}"


def _named(recipe: Recipe, kind: type) -> str:
    """A part with its first numbers: `MLP (depth 2, width 16)`, `Adam (learning rate 0.02)`."""
    numbers = [field for field in fields_of(type(recipe)) if field.type is kind]
    few = numbers[: FIRST if kind is int else 1]
    told = ", ".join(f"{field.label} {_worded(getattr(recipe, field.name))}" for field in few)
    return f"{label_of(type(recipe))} ({told})" if told else label_of(type(recipe))


def _changed(place: Place, picture: Picture) -> Iterator[str]:
    labels: dict[str, str] = {}
    for name in ("run", "view"):
        for entry in form_model.rows(getattr(picture, name), f"{name}."):
            labels[entry.path] = entry.field.label
            usual = entry.field.default
            kinds = isinstance(entry.value, Recipe)
            same = type(entry.value) is type(usual) if kinds else entry.value == usual
            if not same and entry.path not in TOLD:
                yield f"{entry.field.label} {_worded(entry.value)}"
    for change in place.changes:
        label = labels.get(change.path, change.path)
        yield f"{label} set to {_worded(change.value)} at step {change.step}"
    if place.origin is not None:
        yield "started at a point of another picture"


TOLD = (
    "run.steps", "run.batch_size", "run.optimizer", "run.optimizer.learning_rate", "run.problem",
    "run.problem.architecture", "run.problem.dataset", "view.directions", "view.split",
)  # fmt: skip
"""Settings that the sentence gives, or that say nothing of the picture."""


def _quality(picture: Picture) -> Iterator[str]:
    slice_ = picture.slice
    computed = slice_["computed"].values
    yield f"{int(computed.sum())} of {computed.size} points computed"
    if "estimated_error" in slice_.attrs and not computed.all():
        error = float(slice_.attrs["estimated_error"])
        yield f"others within an estimated {error:.2%} of the range of the loss"
    yield from certainty(slice_)
    if picture.standard_error:
        yield f"loss at the point ± {picture.standard_error:.2g}"
    broken = int((~np.isfinite(slice_["loss"].values)).sum())
    if broken:
        yield f"{broken} values not finite"
    if picture.notice:
        yield picture.notice
    yield f"Landscape Lab {version('landscape-lab')}"


def _worded(value: Any) -> str:
    if isinstance(value, Recipe):
        return label_of(type(value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("_", " ")
