"""Which slice of a run's loss landscape is computed: one specification for all who ask.

The app, the command line and the library share it with its defaults, so that they compute the same
slice of the same run.
"""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob, Note, Recipe
from landscape_core.foundation.registry import find
from landscape_core.models.batch_norm import BATCH_NORM_HELP, CHOICES, USUAL
from landscape_core.models.measures.base import Measure
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.directions.pca import PCA
from landscape_core.slices.chosen_extent import AUTO
from landscape_core.slices.point_statistics import ACCEPTED
from landscape_core.slices.tolerance import Tolerance


@dataclass(frozen=True, kw_only=True)
class SliceSpec(Recipe):
    """The line or plane, its extent and resolution, and on which examples the loss is computed."""

    noun: ClassVar[str] = "slice"

    directions: Annotated[Directions, Note("directions that span the slice")] = field(
        default_factory=PCA
    )
    dimensions: Annotated[int, Knob(1, 2, "1 for a line, 2 for a plane")] = 2
    follow: Annotated[bool, Note("recompute the plane as the run goes on")] = True
    horizon: Annotated[
        int,
        Knob(
            0,
            100_000_000,
            "training steps whose trajectory determines plane and extent, as of PCA, before the run"
            " has made them; past them, multiplied by eight; 0: the steps made so far",
        ),
    ] = 0
    span: Annotated[
        float,
        Knob(
            0.01,
            100.0,
            "half-width in units of the axes; of a plane that the trajectory determines, as PCA,"
            " in units of the extent that shows the trajectory",
            "log",
        ),
    ] = 1.0
    extent: Annotated[
        str,
        Note(
            "ends of the axes, for instance -0.5,1.5 for both, or -0.5,1.5,-1,1 with those of alpha"
            " first; auto: chosen by a stated rule; empty: by the span"
        ),
    ] = ""
    resolution: Annotated[int, Knob(2, 501, "grid points along each axis", "log")] = 51
    beta_resolution: Annotated[
        int, Knob(0, 501, "grid points along beta; 0: as many as along alpha")
    ] = 0
    split: Annotated[str, Choice(("train", "test"), "data split that is drawn")] = "train"
    max_examples: Annotated[
        int, Knob(1, 100_000_000, "maximum number of examples per split", "log")
    ] = 1000
    batch_norm: Annotated[str, Choice(CHOICES, BATCH_NORM_HELP)] = USUAL
    measures: Annotated[
        str,
        Note("measures besides the loss, separated by commas; empty: those of the problem"),
    ] = ""
    tolerance: Annotated[
        float,
        Knob(
            0.0,
            1.0,
            "largest interpolation error, relative to the range of the loss; 0: no points"
            " are interpolated",
        ),
    ] = 0.0
    scale: Annotated[
        str, Choice(("linear", "log"), "scale of the loss on which the tolerance holds")
    ] = "linear"

    def check(self) -> None:
        """Refuse settings that contradict each other.

        Raises:
            SpecError: an extent that is no range, a measure that does not exist, or interpolated
                statistics on a plane through one state alone.
        """
        self.ends()
        self.chosen_measures()
        if self.beta_resolution == 1:
            raise SpecError("SliceSpec.beta_resolution", 1, "0, or at least 2")
        if self.tolerance and self.beta_resolution not in (0, self.resolution):
            accepted = "0 where a tolerance allows interpolated points"
            raise SpecError("SliceSpec.beta_resolution", self.beta_resolution, accepted)
        if self.batch_norm == "interpolated" and not self.directions.through_states:
            raise SpecError("SliceSpec.batch_norm", self.batch_norm, ACCEPTED)

    def stays(self, parameters: int) -> bool:
        """Whether the plane is the same at every step of a run of so many parameters."""
        return not self.follow or self.directions.stays(parameters, self.dimensions)

    def ends(self) -> tuple[float, float, float, float] | None:
        """The lower and upper end of alpha, then of beta; None where the span or a rule says them.

        Raises:
            SpecError: neither numbers in order nor `auto`.
        """
        if not self.extent.strip() or self.chooses_extent:
            return None
        accepted = "two or four finite numbers, the lower one of each pair first, or auto"
        try:
            numbers = [float(word) for word in self.extent.split(",")]
        except ValueError:
            raise SpecError("SliceSpec.extent", self.extent, accepted) from None
        if len(numbers) == 2:
            numbers = numbers * 2
        if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
            raise SpecError("SliceSpec.extent", self.extent, accepted)
        alpha_low, alpha_high, beta_low, beta_high = numbers
        if alpha_low >= alpha_high or beta_low >= beta_high:
            raise SpecError("SliceSpec.extent", self.extent, accepted)
        return alpha_low, alpha_high, beta_low, beta_high

    @property
    def points(self) -> int:
        """How many points the slice has."""
        along_beta = self.beta_resolution or self.resolution
        return self.resolution * (along_beta if self.dimensions == 2 else 1)

    @property
    def chooses_extent(self) -> bool:
        """Whether the extent is to be chosen by a rule."""
        return self.extent.strip() == AUTO

    def chosen_measures(self) -> dict[str, Measure] | None:
        """The measures by name; None for those of the problem."""
        names = [name.strip() for name in self.measures.split(",") if name.strip()]
        return {name: find(Measure, name)() for name in names} if names else None

    def interpolation(self) -> Tolerance | None:
        """The tolerance of interpolated points; None where every point is computed."""
        if not self.tolerance:
            return None
        return Tolerance(relative_tolerance=self.tolerance, scale=self.scale)
