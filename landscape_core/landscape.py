"""The loss landscape of a network of one's own, in one call."""

from collections.abc import Mapping, Sequence

import torch
import xarray as xr
from torch import Tensor, nn

from landscape_core.catalogue import entries
from landscape_core.directions.base import Directions, Viewpoint
from landscape_core.directions.random import Random
from landscape_core.losses.base import Loss
from landscape_core.measures.base import Measure
from landscape_core.objective import Batches, BatchNorm, LossFunction, ModelObjective, from_module
from landscape_core.recipes import canonical, to_plain
from landscape_core.slices import Grid, Probe, probe, sweep


def landscape(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction,
    data: Batches,
    *,
    test: Batches | None = None,
    directions: Directions | None = None,
    path: Sequence[Mapping[str, Tensor]] = (),
    resolution: int = 51,
    span: float = 1.0,
    dimensions: int = 2,
    batch_norm: BatchNorm = "running",
    seed: int = 0,
) -> xr.Dataset:
    """The slice of a network's loss around its present parameters: loss (split, beta, alpha).

    The network is copied, never changed. For pictures on the way: `sweep(probe_of(...), grid)`.

    Args:
        model: any module from inputs to outputs.
        loss: for instance `torch.nn.functional.cross_entropy`; with a loss of the catalogue, for
            instance `CrossEntropy()`, accuracy is read too.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        test: a second part of the data, or none.
        directions: which line or plane; by default random and filter-normalized.
        path: state dictionaries saved in training, the latest last; for `PCA()`.
        resolution: points along each side.
        span: half the width of the picture, in multiples of the axes.
        dimensions: 1 for a line, 2 for a plane.
        batch_norm: which statistics batch normalization uses off the centre.
        seed: of random directions.

    Raises:
        SpecError: a value that is not accepted, or no data.
        PlaneError: the directions span no plane.
    """
    grid = Grid.square(span, resolution)
    rule = directions or Random()
    parts = {"train": from_module(model, loss, data, batch_norm=batch_norm)}
    if test is not None:
        parts["test"] = from_module(model, loss, test, batch_norm=batch_norm)
    read = probe_of(parts, rule, path=path, dimensions=dimensions, seed=seed)
    attrs = {"directions": canonical(to_plain(rule)), "seed": seed, "model": type(model).__name__}
    *_, last = sweep(read, grid, attrs)
    return last


def probe_of(
    parts: Mapping[str, ModelObjective],
    directions: Directions,
    *,
    path: Sequence[Mapping[str, Tensor]] = (),
    dimensions: int = 2,
    seed: int = 0,
) -> Probe:
    """What is read around the present parameters of the first part, along these directions."""
    objective = next(iter(parts.values()))
    centre = objective.start
    thetas = [objective.layout.join(state).to(centre) for state in path] or [centre]
    view = Viewpoint(objective, centre, torch.stack(thetas), seed)
    known = {name: kind() for name, kind in entries(Measure).items()}
    classes = _classes(objective)
    measures = {name: m for name, m in known.items() if m.applies(classes)}
    return probe(parts, directions.span(view, dimensions), measures)


def _classes(objective: ModelObjective) -> int | None:
    """How many classes the targets name; None where they are numbers."""
    if objective.targets.is_floating_point() or not isinstance(objective.loss_function, Loss):
        return None
    return int(objective.targets.max()) + 1
