"""What a connection between the ends of two runs is made of: a recipe."""

from dataclasses import dataclass, field
from typing import Annotated

from landscape_core.connectivity.paths.base import Path
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob, Note, Recipe
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.batch_norm import BATCH_NORM
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run


def _run(seed: int) -> Run:
    problem = Supervised(dataset=Digits(), architecture=MLP(width=100), data_seed=0)
    return Run(problem=problem, optimizer=Adam(learning_rate=0.003), steps=1000, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Connection(Recipe):
    """A curve from the end of one run to the end of another.

    A run's seed draws its data, its initial weights and its batches; two runs that differ in it
    learn from the same examples only if their problem has a `data_seed`. All losses here are on the
    first run's data.
    """

    first: Annotated[Run, Note("run at the start of the curve, whose data are used")] = field(
        default_factory=lambda: _run(0)
    )
    second: Annotated[Run, Note("run at the end of the curve, with the same network")] = field(
        default_factory=lambda: _run(1)
    )
    path: Annotated[Path, Note("method that finds the path")] = field(default_factory=Bezier)
    align: Annotated[
        bool,
        Note(
            "permutation alignment: first permute the second network's hidden units to "
            "match the first"
        ),
    ] = False
    points: Annotated[
        int, Knob(3, 10_001, "number of points on the curve at which the loss is evaluated")
    ] = 61
    resolution: Annotated[
        int, Knob(0, 201, "grid points per axis on the plane of the curve; 0: none")
    ] = 25
    batch_norm: Annotated[
        str,
        Choice(
            BATCH_NORM,
            "statistics that batch normalization uses on the way: those of both ends in proportion"
            " (interpolated, or running, which are the same here), those of the examples evaluated"
            " (batch), or estimated anew (reestimated)",
        ),
    ] = "reestimated"

    def check(self) -> None:
        check_resolution("Connection.resolution", self.resolution)


def check_resolution(name: str, resolution: int) -> None:
    """Refuse a number of points that makes no picture.

    Raises:
        SpecError: it is neither 0 nor between 3 and 201.
    """
    if resolution and not 3 <= resolution <= 201:
        raise SpecError(name, resolution, "0, or between 3 and 201")
