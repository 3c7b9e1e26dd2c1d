"""Mode connectivity: Garipov et al., 2018, arXiv:1802.10026; Draxler et al., 2018, 1803.00885.

Two networks from different initial weights end where the straight line between them crosses a
barrier: the largest excess of the loss over the straight interpolation of both ends' losses. A
quadratic Bezier curve has one control point, trained for a low mean loss. The order of hidden units
is arbitrary: with the second network's in the order nearest to the first's, by weights (Ainsworth,
Hayase, Srinivasa, 2023, arXiv:2209.04836, section 3.2) or by activations (section 3.1: the
assignment with the largest Σᵢ ⟨aᵢ, b_π(i)⟩ over examples in each layer), the line is another one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.verdict import Criterion
from landscape_core.connectivity.alignment import matching, permuted
from landscape_core.connectivity.barrier_height import barrier
from landscape_core.connectivity.hidden_units import Permutation, hidden
from landscape_core.connectivity.paths.base import Curve, plane_of_curve
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.experiments.lab_pictures import Bars, Curves, Landscape
from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.random_streams import number, stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.labs._matched_activations import by_activations
from landscape_core.labs._trained_networks import descent, digits_run
from landscape_core.labs.base import Lab
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.base import Data
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run

POINTS, BATCH, STEPS = 1000, 64, 600
"""Training examples; examples a step; steps of both networks, about 40 epochs."""

RULE = Adam(learning_rate=0.003)

BEZIER = Bezier(steps=700)
"""The curve is trained by Adam with a learning rate of 0.01."""

STAGES = 6
"""Datasets while the networks are trained."""

BENT = (50, 200)
"""Steps of the curve at which it is drawn before its last."""

PLACES = np.linspace(0.0, 1.0, 41)
"""Where the loss is read along a way."""

SIDE = np.linspace(-0.25, 1.25, 25)
"""Coordinates of the slices: the first network lies at (0, 0), the second at (1, 0)."""

STRAIGHT, ALIGNED, CURVED = "straight line", "units reordered", "Bezier curve"
WAYS = (STRAIGHT, ALIGNED, CURVED)
PLANES = ("through the Bezier curve", "through the reordered network")
SPLITS = ("training", "test")

CORNERS = 3
"""Points of a path of straight lines between three networks."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ModeConnectivity(Lab):
    """The loss along a straight line, a curve and a line between reordered networks."""

    label: ClassVar[str] = "Mode connectivity"
    family: ClassVar[str] = "Many minima"
    question: ClassVar[str] = (
        "Two networks end in different minima. Is there a barrier between them, or only on the"
        " straight line?"
    )
    claim: ClassVar[str] = (
        "The loss has a barrier on the straight line between two trained networks, but hardly any"
        " on a curve with one trained control point. With the hidden units of one network in the"
        " order of the other's, the barrier of a straight line falls too."
    )
    shows: ClassVar[str] = (
        "The straight line leaves the valley in which both minima lie; the curve follows it, and"
        " its training loss is even lower than at the ends. With reordered units the barrier of the"
        " line is a fraction of what it was, but not gone; in a random order it stays. On test data"
        " a small barrier remains on the curve, which knows the training data alone."
    )
    source: ClassVar[str] = (
        "Garipov, Izmailov, Podoprikhin, Vetrov, Wilson, Loss Surfaces, Mode Connectivity, and Fast"
        " Ensembling of DNNs, 2018, arXiv:1802.10026; Draxler et al., Essentially No Barriers in"
        " Neural Network Energy Landscape, 2018, arXiv:1803.00885; reordered units: Ainsworth,"
        " Hayase, Srinivasa, Git Re-Basin, 2023, arXiv:2209.04836"
    )
    seconds: ClassVar[float] = 18.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "barrier of the training loss on the Bezier curve relative to that on the straight line",
        "at most",
        0.1,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: the settings of an earlier script, with fewer units and steps for the time it"
        " takes; the bound was set before this lab ran."
    )
    pictures: ClassVar = (
        Landscape(
            title="Training loss",
            value="plane_loss",
            by="plane",
            path_x="path_x",
            path_y="path_y",
            along="corner",
            x_label="along the straight line",
            y_label="across, in the same unit",
        ),
        Curves(
            title="Along the ways",
            x="t",
            y=("loss",),
            by="way",
            x_label="place t on the way from the first network to the second",
            y_label="training loss",
            y_scale="log",
        ),
        Bars(
            title="Barriers",
            x="way",
            value="barrier",
            by="split",
            y_label="barrier of the loss",
        ),
    )

    width: Annotated[int, Knob(4, 256, "units in each of two hidden layers", scale="log")] = 64
    alignment: Annotated[
        str,
        Choice(
            ("weights", "activations", "random"),
            "order of the second network's hidden units: nearest to the first's by weights, by"
            " activations on the training examples, or a random one (control)",
        ),
    ] = "weights"
    label_noise: Annotated[
        float, Knob(0.0, 1.0, "fraction of training labels replaced by random ones")
    ] = 0.0

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: both networks, the straight lines, then the curve as it is trained."""
        train, test = self.examples(seed)
        parts, found = dict(zip(SPLITS, (train, test), strict=True)), self._empty()
        for step, ends in enumerate(self.trainings(seed)):
            first, last = ends
            if step % (STEPS // STAGES) == 0:
                read(found, STRAIGHT, parts, Curve(torch.stack([first, last])))
                yield self._finished(found)
        moved = permuted(train, last, self.orders(train, first, last, seed))
        read(found, ALIGNED, parts, Curve(torch.stack([first, moved])))
        lay(found, 1, train, Curve(torch.stack([first, moved, last])))
        yield self._finished(found)
        for step, curve in enumerate(BEZIER.connect(train, first, last, seed)):
            if step in (*BENT, BEZIER.steps):
                read(found, CURVED, parts, curve)
                lay(found, 0, train, curve)
                yield self._finished(found, whole=step == BEZIER.steps)

    def training_run(self, seed: int) -> Run | None:
        """The training of the first network; random labels are no data set of the catalogue."""
        if self.label_noise:
            return None
        return digits_run(MLP(width=self.width), RULE, STEPS, points=POINTS, batch=BATCH, seed=seed)

    def examples(
        self, seed: int, start: int | None = None
    ) -> tuple[ModelObjective, ModelObjective]:
        """The loss on the training and on the test data, of a network that starts by `start`."""
        split = Digits(points=POINTS).build(seed)
        targets = noisy(split.train, self.label_noise, seed)
        rng = stream(seed if start is None else start, "init")
        network = MLP(width=self.width).build((64,), 10, rng)
        train = ModelObjective(network, CrossEntropy(), split.train.inputs.float(), targets)
        return train, train.with_inputs(split.test.inputs.float(), split.test.targets)

    def trainings(self, seed: int) -> Iterator[tuple[Vector, Vector]]:
        """Yield both networks, on the same data, at the start and after every step."""
        starts = (seed, number(seed, "second network"))
        both = [self.examples(seed, start)[0] for start in starts]
        first, last = (
            descent(one, RULE, STEPS, batch=BATCH, seed=start)
            for one, start in zip(both, starts, strict=True)
        )
        return zip(first, last, strict=True)

    def orders(
        self, objective: ModelObjective, first: Vector, last: Vector, seed: int
    ) -> list[Permutation]:
        """The order of the second network's hidden units, layer by layer."""
        if self.alignment == "weights":
            return matching(objective, first, last, seed)
        if self.alignment == "activations":
            return by_activations(objective, first, last)
        rng = stream(seed, "order")
        return [torch.randperm(units.size, generator=rng) for units in hidden(objective)]

    def _empty(self) -> xr.Dataset:
        corners = CORNERS + len(PLACES)

        def nothing(*shape: int) -> Floats:
            return np.full(shape, math.nan)

        slices = (len(PLANES), len(SIDE), len(SIDE))
        return xr.Dataset(
            {
                "plane_loss": (("plane", "beta", "alpha"), nothing(*slices)),
                "path_x": (("plane", "corner"), nothing(len(PLANES), corners)),
                "path_y": (("plane", "corner"), nothing(len(PLANES), corners)),
                "loss": (("way", "t"), nothing(len(WAYS), len(PLACES))),
                "barrier": (("way", "split"), nothing(len(WAYS), len(SPLITS))),
            },
            {
                "plane": list(PLANES), "way": list(WAYS), "split": list(SPLITS),
                "alpha": SIDE, "beta": SIDE, "t": PLACES, "corner": np.arange(corners),
            },
        )  # fmt: skip

    def _finished(self, found: xr.Dataset, *, whole: bool = False) -> xr.Dataset:
        """A copy with the effect, which only the last curve has."""
        barriers = found["barrier"].values[:, 0]
        effect = ratio(barriers[WAYS.index(CURVED)], barriers[WAYS.index(STRAIGHT)])
        return found.copy(deep=True).assign(effect=effect if whole else math.nan)


def noisy(data: Data, fraction: float, seed: int) -> Tensor:
    """The labels (N,), a fraction of them replaced by random ones."""
    targets, rng = data.targets.clone(), stream(seed, "labels")
    some = torch.randperm(len(targets), generator=rng)[: round(fraction * len(targets))]
    targets[some] = torch.randint(10, (len(some),), generator=rng)
    return targets


def read(found: xr.Dataset, way: str, parts: dict[str, ModelObjective], curve: Curve) -> None:
    """Write the training loss along a curve, and its barriers on both parts of the data."""
    points, row = curve.points(torch.from_numpy(PLACES)), WAYS.index(way)
    for column, part in enumerate(parts.values()):
        losses = part.losses(points).double().numpy()
        if column == 0:
            found["loss"].values[row] = losses
        found["barrier"].values[row, column] = barrier(losses)


def lay(found: xr.Dataset, row: int, objective: ModelObjective, curve: Curve) -> None:
    """Write the loss on the plane of a curve's three nodes, and the ways on it.

    Nothing where they lie on a line. Of a Bezier curve the ways are the straight line and the curve
    back; else the line to the last node, back to the first, and on to the one between.
    """
    try:
        plane = plane_of_curve(curve)
    except PlaneError:
        return
    places = np.stack([side.ravel() for side in np.meshgrid(SIDE, SIDE)], axis=1)
    losses = objective.losses(plane.points(torch.from_numpy(places)))
    found["plane_loss"].values[row] = losses.double().numpy().reshape(len(SIDE), -1)
    first, middle, last = curve.nodes
    way = torch.stack([last, first, middle])
    if curve.kind == "bezier":
        back = curve.points(torch.from_numpy(PLACES)).flip(0)
        way = torch.cat([torch.stack([first, last]), back])
    coords = plane.coords(way).numpy()
    for name, values in zip(("path_x", "path_y"), coords.T, strict=True):
        found[name].values[row, : len(values)] = values


def ratio(curved: float, straight: float) -> float:
    """The barrier on the curve relative to that on the line; NaN where the line has none."""
    return float(curved / straight) if straight > 0 else math.nan
