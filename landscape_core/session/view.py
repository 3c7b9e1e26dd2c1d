"""What a picture of a live run shows: plane, extent, resolution."""

from dataclasses import dataclass, field
from typing import Annotated

from landscape_core.foundation.recipes import Choice, Knob, Note, Recipe
from landscape_core.models.batch_norm import BATCH_NORM_HELP, CHOICES, USUAL
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.directions.pca import PCA


@dataclass(frozen=True, kw_only=True)
class View(Recipe):
    """Which slice of the landscape is shown, around where the run stands."""

    directions: Annotated[Directions, Note("the plane that the picture shows")] = field(
        default_factory=PCA
    )
    follow: Annotated[bool, Note("move the plane along with the run")] = True
    span: Annotated[
        float,
        Knob(0.01, 100.0, "half-width of the picture: 1 is the axis, or fits the path", "log"),
    ] = 1.0
    resolution: Annotated[int, Knob(11, 201, "points along each side of the picture")] = 51
    split: Annotated[str, Choice(("train", "test"), "examples it is computed on")] = "train"
    max_examples: Annotated[
        int, Knob(1, 1_000_000, "how many of the examples it is computed on, at most", "log")
    ] = 1000
    batch_norm: Annotated[str, Choice(CHOICES, BATCH_NORM_HELP)] = USUAL
    tolerance: Annotated[
        float,
        Knob(0.0, 0.1, "held picture: largest error, as a share of the range; 0: every point"),
    ] = 0.0
    scale: Annotated[
        str,
        Choice(("linear", "log"), "the tolerance is of the range of the loss, or of its logarithm"),
    ] = "linear"
