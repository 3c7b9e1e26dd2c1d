"""The catalogue of parts as a documentation page.

Each optimizer has a figure of its trajectory on one test function, unless it refuses that problem.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
import xarray as xr

from landscape_core.foundation.errors import SpecError
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

All parts that can be selected by name: in the app, from Python (`landscape_core.make`), on the
command line and in links. Written by `make catalogue`. The cost of a step of each optimizer is in
[optimizers.md](../benchmarks/results/optimizers.md), reproductions of claims from papers in
[parts.md](../benchmarks/results/parts.md). Terms are defined in the [glossary](glossary.md).
"""

FOLDER = "catalogue"
"""The folder of the figures, relative to the page."""

STEPS = 60
RATES = tuple(float(f"{10 ** (k / 2):.1g}") for k in range(-8, 5))
"""Learning rates tried for a figure, as far as the optimizer accepts them."""

WALK = Run(problem=Valley(), batch_size=Valley().points, steps=STEPS, dtype="float64")
PLACE = Grid(resolution=101, alpha_low=-1.7, alpha_high=1.7, beta_low=-0.75, beta_high=1.75)

PICTURES = f"""Each figure shows {STEPS} steps (dots) from the white point to the orange one on the
problem `valley`, with full-batch gradients. The learning rate η given in the corner is
the one with the lowest mean loss over the steps, among
{", ".join(f"{rate:g}" for rate in RATES)};
other fields have their defaults. Optimizers that refuse this problem have no figure.
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
    """Draw the figures of optimizers into a folder; yield the names as they are finished."""
    from landscape_lab.figures.matplotlib.vignettes import (
        path_png,  # matplotlib takes half a second to import
    )

    folder.mkdir(parents=True, exist_ok=True)
    shipped = {name: kind for name, kind in entries(Optimizer).shipped().items() if is_drawn(kind)}
    for name in shipped:
        atomic_files.check_target(folder / f"{name}.png")  # not after minutes of work
    surface = valley_surface()
    for name, kind in shipped.items():
        path, rate = walked(kind)
        path_png(surface, path, f"η = {rate:g}" if rate else "", folder / f"{name}.png")
        yield name


def is_drawn(kind: type[Optimizer[Any]]) -> bool:
    """Whether an optimizer takes the problem of the figures."""
    try:
        kind().check_objective(WALK.problem.build(WALK.seed).train)
    except SpecError:
        return False
    return True


def walked(kind: type[Optimizer[Any]]) -> tuple[xr.Dataset, float | None]:
    """The trajectory of an optimizer, `alpha` and `beta` by step, and its learning rate if any.

    The rate with the lowest mean loss; the smallest if the run diverges with all.
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
    """The trajectory of an optimizer and its mean loss; infinite if it diverges."""
    states = list(train(WALK.replace(optimizer=optimizer)))
    thetas = torch.stack([state.theta for state in states])
    x, y = thetas.T.numpy()
    mean = float(Training(WALK).instance.train.losses(thetas).mean())
    path = xr.Dataset({"alpha": ("step", x), "beta": ("step", y)})
    return path, math.inf if states[-1].diverged else mean


def valley_surface() -> xr.Dataset:
    """The loss over the plane of the two parameters."""
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
    if issubclass(recipe, Optimizer) and is_drawn(recipe):
        lines += ["", f"![The trajectory of {label_of(recipe)}]({FOLDER}/{name}.png)"]
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
        return "a part of this kind"
    return "on, off" if field.type is bool else "text"


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
