"""The catalogue as a page of the documentation, from the descriptions that the app shows.

Every optimizer has a small picture of its path on one common plane.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
import xarray as xr

from landscape_core.foundation.recipes import (
    Choice,
    Field,
    Knob,
    Recipe,
    fields_of,
    label_of,
    name_of,
    summary_of,
)
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.valley import Valley
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import probe
from landscape_core.slices.slice import compute_slice
from landscape_core.storage import atomic_files
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Run, Training, train

HEAD = """# Catalogue

All that can be chosen by name: in the app, from Python (`landscape_core.make`), on the command line
and in links. Written by `make catalogue`. What a step of each optimizer costs is in
[optimizers.md](../benchmarks/results/optimizers.md), what papers claim of some and what came of it
here in [parts.md](../benchmarks/results/parts.md).
"""

FOLDER = "catalogue"
"""Where the pictures lie beside the page."""

STEPS = 60
RATES = tuple(float(f"{10 ** (k / 2):.1g}") for k in range(-8, 5))
"""Learning rates that are tried for a picture, as far as the optimizer accepts them."""

WALK = Run(problem=Valley(), batch_size=Valley().points, steps=STEPS, dtype="float64")
PLACE = Grid(resolution=101, alpha_low=-1.7, alpha_high=1.7, beta_low=-0.75, beta_high=1.75)

PICTURES = f"""Each picture shows {STEPS} steps, a dot each, from the white point to the orange one,
on the problem `valley` with all examples in every step. The learning rate η in its corner is that,
among {", ".join(f"{rate:g}" for rate in RATES)},
with the lowest mean loss on the way; all else is as by default.
"""


def page(kinds: Mapping[str, type[Recipe]]) -> str:
    """The page, in Markdown: of each kind the shipped parts, with formula, source and fields."""
    parts = [HEAD]
    for title, base in kinds.items():
        parts.append(f"## {title.replace('_', ' ').capitalize()}\n")
        if base is Optimizer:
            parts.append(PICTURES)
        parts += [_entry(name, recipe) for name, recipe in entries(base).shipped().items()]
    return "\n".join(parts)


def draw(folder: Path) -> Iterator[str]:
    """Draw the picture of every optimizer into a folder; yields the names as they are done."""
    from landscape_lab.figures.matplotlib.vignettes import (
        path_png,  # matplotlib takes half a second to import
    )

    folder.mkdir(parents=True, exist_ok=True)
    shipped = entries(Optimizer).shipped()
    for name in shipped:
        atomic_files.check_target(folder / f"{name}.png")  # not after minutes of work
    surface = _surface()
    for name, kind in shipped.items():
        path, rate = walked(kind)
        path_png(surface, path, f"η = {rate:g}" if rate else "", folder / f"{name}.png")
        yield name


def walked(kind: type[Optimizer[Any]]) -> tuple[xr.Dataset, float | None]:
    """The path of an optimizer, `alpha` and `beta` by step, and its learning rate if it has one.

    Of the rates it is the best, or where the run diverges with every one the least.
    """
    knob = next((field.mark for field in fields_of(kind) if field.name == "learning_rate"), None)
    if not isinstance(knob, Knob):
        return _path(kind())[0], None
    rates = [rate for rate in RATES if knob.low <= rate <= knob.high]
    made = [from_plain(kind, {"learning_rate": rate}) for rate in rates]
    tried = [(*_path(one), rate) for one, rate in zip(made, rates, strict=True)]
    path, _, rate = min(tried, key=lambda one: one[1])
    return path, rate


def _path(optimizer: Optimizer[Any]) -> tuple[xr.Dataset, float]:
    """Where an optimizer goes, and the mean loss on the way; infinite if it diverges."""
    states = list(train(WALK.replace(optimizer=optimizer)))
    thetas = torch.stack([state.theta for state in states])
    x, y = thetas.T.numpy()
    mean = float(Training(WALK).instance.train.losses(thetas).mean())
    shadow = xr.Dataset({"alpha": ("step", x), "beta": ("step", y)})
    return shadow, math.inf if states[-1].diverged else mean


def _surface() -> xr.Dataset:
    """The loss over the plane of the two parameters themselves."""
    instance = Training(WALK).instance
    objective = cast(ModelObjective, instance.train)
    plane = Plane(torch.zeros_like(instance.start), torch.eye(2).to(instance.start))
    *_, dataset = compute_slice(probe({"train": objective}, plane), PLACE)
    return dataset


def _entry(name: str, recipe: type[Recipe]) -> str:
    lines = [f"### `{name}`: {label_of(recipe)}", "", summary_of(recipe)]
    formula, source = (getattr(recipe, attribute, "") for attribute in ("formula", "source"))
    if formula:
        lines += ["", f"    {formula}"]
    if source:
        lines += ["", f"{source}."]
    fields = fields_of(recipe)
    if issubclass(recipe, Optimizer):
        lines += ["", f"![The path of {label_of(recipe)}]({FOLDER}/{name}.png)"]
    if fields:
        lines += ["", "| field | default | accepted | meaning |", "| --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(_row(field)) + " |" for field in fields]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> Iterator[str]:
    yield f"`{field.name}`"
    default = field.default
    yield f"`{name_of(type(default)) if isinstance(default, Recipe) else default}`"
    yield _accepted(field)
    yield field.help.replace("|", "\\|")


def _accepted(field: Field) -> str:
    if isinstance(field.mark, Knob):
        return f"{_number(field.mark.low)} to {_number(field.mark.high)}"
    if isinstance(field.mark, Choice):
        return ", ".join(f"`{option}`" for option in field.mark.options)
    if issubclass(field.type, Recipe):
        return "an entry of its kind"
    return "on, off" if field.type is bool else "text"


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
