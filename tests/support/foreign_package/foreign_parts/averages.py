"""Averages of more and more numbers: the smallest lab."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import xarray as xr

from landscape_core import Lab
from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Guide
from landscape_core.foundation.recipes import Choice, Knob

COUNTS = 2 ** np.arange(11)


@dataclass(frozen=True, kw_only=True)
class Averages(Lab):
    """The error of an average of random numbers against how many there are."""

    label: ClassVar[str] = "Averages"
    family: ClassVar[str] = "Noise and batches"
    question: ClassVar[str] = "How many more numbers halve the error of an average?"
    claim: ClassVar[str] = "The error falls with the square root of how many numbers there are."
    shows: ClassVar[str] = "Four times as many. Numbers without a mean never settle."
    source: ClassVar[str] = "Bienaymé, 1853"
    seconds: ClassVar[float] = 1.0
    criterion: ClassVar[Criterion] = Criterion("slope of the error in n", "at most", -0.4)
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = "Nothing: these are the first settings."
    pictures: ClassVar = (
        Curves(
            title="Error of the average",
            x="count",
            y=("error",),
            x_label="numbers n",
            y_label="error",
            x_scale="log",
            y_scale="log",
            guides=(Guide(label="n^(−1/2)", slope=-0.5),),
        ),
    )

    distribution: Annotated[str, Choice(("normal", "cauchy"), "of the numbers")] = "normal"
    repetitions: Annotated[int, Knob(10, 1000, "averages of each length", "log")] = 200

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """The mean absolute error at each length, and the slope at the end."""
        drawn = np.random.default_rng(seed)
        error, effect = np.full(len(COUNTS), np.nan), np.nan
        for at, count in enumerate(COUNTS):
            numbers = getattr(drawn, f"standard_{self.distribution}")((self.repetitions, count))
            error[at] = np.abs(numbers.mean(1)).mean()
            if at == len(COUNTS) - 1:
                effect = np.polyfit(np.log(COUNTS), np.log(error), 1)[0]
            yield xr.Dataset(
                {"error": ("count", error.copy()), "effect": effect}, {"count": COUNTS}
            )
