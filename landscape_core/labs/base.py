"""The base class of labs: a claim of the literature, tried where a person can change it.

A lab is one file of this package with one class, found by its name. It says what it is about in
words, names the few settings that a person changes, computes one seed after the other as datasets
that grow, declares how they are drawn, and states the criterion of its verdict before it runs.
docs/labs.md shows the smallest one.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Picture
from landscape_core.foundation.recipes import Recipe
from landscape_core.training.run import Run

FAMILIES = (
    "See the landscape",
    "Signals and starts",
    "Walking downhill",
    "Noise and batches",
    "Curvature",
    "Width",
    "Many minima",
    "Games and graphs",
)
"""The groups of the gallery, in its order."""

MOST_SEEDS, LARGEST_SEED = 10_000, 2**31 - 1
"""How many seeds a run has at most, and the largest of them."""

WALL_CLOCK = "seconds"
"""How the names of variables begin that hold measured times: no repetition gives them again."""


@dataclass(frozen=True, kw_only=True)
class Lab(Recipe, ABC):
    """A claim, its settings, its work, its pictures and its criterion.

    Fields of the recipe are what a person changes, two to five of them; everything else is a
    constant of the class or module, with its reason.
    """

    family: ClassVar[str]
    """One of `FAMILIES`."""
    question: ClassVar[str]
    """One sentence, before Play."""
    claim: ClassVar[str]
    """What the paper says, in our words."""
    shows: ClassVar[str]
    """What to take away, also where the claim fails."""
    source: ClassVar[str]
    """Authors, title, year, and where to find the paper."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Names of labs to see before."""
    seeds: ClassVar[int] = 8
    """How many seeds are shown together by default."""
    seconds: ClassVar[float]
    """Seconds that the default seeds take on two cores."""
    criterion: ClassVar[Criterion]
    expected: ClassVar[Literal["PASS", "NOT REPRODUCED", "UNDECIDED"]]
    """The verdict that a run at this size should give, stated before the run that counts."""
    searched: ClassVar[str]
    """Which settings were tried before the stated ones."""
    pictures: ClassVar[tuple[Picture, ...]]

    @abstractmethod
    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """Yield complete datasets of one seed, coarse ones first, the finished one last.

        All have the same variables, dimensions and coordinates, on every seed; what is not known
        yet is NaN, so variables are floating-point numbers (text stands in coordinates). The
        variable `effect` without dimensions is the number that the criterion is about. Variables
        whose names begin with `seconds` hold measured times. Everything else is drawn from `seed`
        alone.
        """

    def training_run(self, seed: int) -> Run | None:
        """The run of the catalogue that a seed trains, to be opened in the landscape; None: none.

        Only where it is the same run exactly: network, data, initialization, batches, optimizer
        and steps. A test compares its parameters with the lab's.
        """
        del seed
        return None


def by_family(kinds: Mapping[str, type[Lab]]) -> dict[str, list[str]]:
    """The names of labs in the groups of the gallery, in its order; other families stand last."""
    found: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for name, kind in kinds.items():
        found.setdefault(kind.family, []).append(name)
    return {family: names for family, names in found.items() if names}
