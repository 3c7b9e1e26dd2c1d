"""Jamming: Geiger, Spigler, d'Ascoli, Sagun, Baity-Jesi, Biroli, Wyart, 2018, arXiv:1809.09349.

An example is satisfied if its margin y f is at least 1, as with particles that do not overlap. The
quadratic hinge loss ½ Σ max(0, 1 − y f)² is the energy of what is not. At a minimum with N_Δ
unsatisfied examples its Hessian is a sum of N_Δ rank-one matrices ∇f∇fᵀ and of second derivatives
of f weighted by y, which are as often negative as positive. For N parameters the first sum must
lift the negative half: N_Δ ≥ C₀N with C₀ about ½. So N_Δ does not fade away as N grows, but falls
from a fraction of N to 0: at N*, which is proportional to the number of examples P.

The paper has ReLU networks of five layers with thousands of parameters, orthogonal initialization
and up to a million steps of Adam; these have a hundred, tanh by default, Gaussian weights at the
start, and some hundred damped Gauss-Newton steps. Franz, Hwang, Urbani, 2019, arXiv:1809.09945,
find the same transition in other networks.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Guide, Histogram
from landscape_core.foundation.random_streams import numpy_stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs._hinge_fits import (
    ACTIVATIONS,
    Array,
    Network,
    fitted,
    margins,
    unsatisfied,
)
from landscape_core.labs.base import Lab
from landscape_core.models.datasets.digits import Digits

FRACTIONS = (4, 2, 1)
"""The examples are fitted by quarters, halves and all, to see how N* grows with P."""
FIRST, LAST, SIZES = 0.2, 1.25, 18
"""Networks of N = 0.2 P to 1.25 P parameters, about so many for each P."""
HALF = 0.5
"""C₀, if half of the eigenvalues of the second derivatives are negative."""
RANDOM, PARITY = "random", "parity of digits"


@dataclass(frozen=True, kw_only=True)
class Jamming(Lab):
    """The number of examples that networks of more and more parameters cannot satisfy."""

    label: ClassVar[str] = "The jamming transition"
    family: ClassVar[str] = "Width"
    question: ClassVar[str] = (
        "As a network gets larger, do the examples that it cannot fit become fewer and fewer, or"
        " does it suddenly fit them all?"
    )
    claim: ClassVar[str] = (
        "The number of unsatisfied examples falls to zero at a sharp number of parameters, which is"
        " proportional to that of the examples. Below it minima have at least about half as many"
        " unsatisfied examples as parameters, since fewer could not make a minimum stable."
    )
    shows: ClassVar[str] = (
        "With tanh the smallest network that fits 200 random labels has about 100 parameters, and"
        " one a little smaller leaves some 80 examples unsatisfied; there is little between. In"
        " networks as small as these N* grows a little slower than P. With ReLU, as in the paper,"
        " they stop at kinks of the loss, where the Hessian says nothing: they fit only from about"
        " one parameter an example on, and the transition is blurred. The parity of digits needs"
        " fewer parameters than random labels do: it has structure."
    )
    source: ClassVar[str] = (
        "Geiger, Spigler, d'Ascoli, Sagun, Baity-Jesi, Biroli, Wyart, The jamming transition as a"
        " paradigm to understand the loss landscape of deep neural networks, 2018,"
        " arXiv:1809.09349; Franz, Hwang, Urbani, Jamming in multilayer supervised learning models,"
        " 2019, arXiv:1809.09945"
    )
    needs: ClassVar[tuple[str, ...]] = ("double_descent",)
    seconds: ClassVar[float] = 12.0
    criterion: ClassVar[Criterion] = Criterion(
        "unsatisfied examples for each parameter, the fewest among networks that do not fit all",
        "at least",
        HALF,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Networks and optimizer, on two seeds of a prototype: ReLU networks of this size, by Adam"
        " or by Gauss-Newton steps, had ratios from 0.05 to 0.4; with tanh and GELU, whose minima"
        " are smooth, they were from 0.7 to 1. The bound was stated before: the paper's C₀ for a"
        " symmetric spectrum. The grid of sizes was made finer once, on seeds 0 to 7."
    )
    pictures: ClassVar = (
        Curves(
            title="Unsatisfied examples",
            x="parameters",
            y=("share",),
            by="examples",
            x_label="parameters N",
            y_label="share with a margin below 1",
            markers=True,
        ),
        Curves(
            title="The jump: unsatisfied examples for each parameter",
            x="parameters",
            y=("ratio",),
            by="examples",
            x_label="parameters N",
            y_label="N_Δ / N",
            markers=True,
            guides=(Guide(label="C₀ = ½", level=HALF),),
        ),
        Curves(
            title="Parameters at the transition",
            x="count",
            y=("threshold",),
            x_label="examples P",
            y_label="parameters N*",
            markers=True,
            guides=(Guide(label="N = P", variable="equal"),),
        ),
        Histogram(
            title="Margins at the minimum, all examples",
            value="margin",
            sample="example",
            x_label="margin y f",
            y_label="examples",
            frame="parameters",
        ),
    )

    examples: Annotated[int, Knob(80, 400, "number of examples P", "log")] = 200
    inputs: Annotated[int, Knob(2, 20, "number of inputs")] = 10
    depth: Annotated[int, Knob(1, 3, "number of hidden layers")] = 2
    activation: Annotated[str, Choice(tuple(ACTIVATIONS), "activation function")] = "tanh"
    labels: Annotated[
        str,
        Choice(
            (RANDOM, PARITY),
            "random labels of points on a sphere, or whether a digit is even, by its principal"
            " components",
        ),
    ] = RANDOM

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: networks of every third size first, for few examples, then for more."""
        networks = self.networks()
        inputs, signs = self.data(seed)
        found = self._empty(networks)
        for row, count in enumerate(found["examples"].values):
            fitting = np.flatnonzero(_within(found["parameters"].values, int(count)))
            for place in sorted(range(len(fitting)), key=lambda k: (k % 3, k)):
                at = int(fitting[place])
                network = networks[at]
                start = network.start(numpy_stream(seed, "init", int(count), network.size))
                theta = fitted(network, start, inputs[:count], signs[:count])
                values = margins(network, theta, inputs[:count], signs[:count])
                found["unsatisfied"].values[row, at] = unsatisfied(values)
                if count == self.examples:
                    found["margin"].values[at] = values
                yield _finished(found)

    def data(self, seed: int) -> tuple[Array, Array]:
        """Inputs (P, d) of mean squared norm d, and labels ±1 (P,)."""
        if self.labels == RANDOM:
            rng = numpy_stream(seed, "data")
            inputs = rng.normal(size=(self.examples, self.inputs))
            inputs /= np.linalg.norm(inputs, axis=1, keepdims=True) / math.sqrt(self.inputs)
            return inputs, rng.choice([-1.0, 1.0], self.examples)
        part = Digits(points=max(100, self.examples), components=self.inputs).build(seed).train
        inputs = part.inputs[: self.examples].double().numpy()
        signs = 2.0 * (part.targets[: self.examples].numpy() % 2) - 1.0
        return inputs * math.sqrt(self.inputs / np.square(inputs).sum(1).mean()), signs

    def networks(self) -> list[Network]:
        """The networks of all numbers of examples, by their number of parameters."""
        every = list(self._larger_and_larger())
        sizes = np.array([one.size for one in every])
        chosen: set[int] = set()
        for count in self._counts():
            wanted = np.geomspace(FIRST * count, LAST * count, SIZES)
            chosen |= {int(np.abs(np.log(sizes / one)).argmin()) for one in wanted}
        return [every[at] for at in sorted(chosen)]

    def _larger_and_larger(self) -> Iterator[Network]:
        """Networks whose hidden layers take turns in getting one more unit."""
        hidden, turn = [1] * self.depth, 0
        while True:
            network = Network((self.inputs, *hidden, 1), self.activation)
            yield network
            if network.size > LAST * self.examples:
                return
            hidden[turn % self.depth] += 1
            turn += 1

    def _counts(self) -> list[int]:
        return [self.examples // fraction for fraction in FRACTIONS]

    def _empty(self, networks: list[Network]) -> xr.Dataset:
        counts = self._counts()
        both = ("examples", "parameters")
        return xr.Dataset(
            {
                "unsatisfied": (both, np.full((len(counts), len(networks)), math.nan)),
                "margin": (
                    ("parameters", "example"),
                    np.full((len(networks), self.examples), math.nan),
                ),
                "equal": ("count", np.array(counts, float)),
            },
            {
                "examples": counts,
                "parameters": [one.size for one in networks],
                "count": counts,
                "example": np.arange(self.examples),
            },
        )


def fewest_for_each(ratio: Array, *, whole: bool) -> float:
    """The smallest ratio of networks that do not fit; NaN if all fit, or not all are known.

    Args:
        ratio: N_Δ / N of networks for one number of examples, (M,); NaN: not tried.
        whole: whether all that will be tried have been.
    """
    left = ratio[ratio > 0]
    return float(left.min()) if whole and len(left) else math.nan


def transition(sizes: Array, ratio: Array) -> float:
    """N*: the smallest size from which on all networks that were tried fit.

    NaN if the largest does not fit, or if all do, so that N* may be smaller.
    """
    known = ~np.isnan(ratio)
    stuck = np.flatnonzero(ratio[known] > 0)
    tried = sizes[known]
    if not len(stuck) or stuck[-1] == len(tried) - 1:
        return math.nan
    return float(tried[stuck[-1] + 1])


def _within(sizes: Array, count: int) -> npt.NDArray[np.bool_]:
    """Which numbers of parameters are tried for so many examples."""
    return (sizes >= 0.9 * FIRST * count) & (sizes <= 1.1 * LAST * count)


def _finished(found: xr.Dataset) -> xr.Dataset:
    """A copy with ratios and transitions; the effect is known when all networks are fitted."""
    counts, sizes = found["examples"].values, found["parameters"].values.astype(float)
    ratio = found["unsatisfied"] / found["parameters"]
    rows = list(zip(counts, ratio.values, strict=True))
    done = [not (np.isnan(row) & _within(sizes, int(count))).any() for count, row in rows]
    found_at = [transition(sizes, row) for row in ratio.values]
    thresholds = np.where(done, found_at, math.nan)
    return found.copy(deep=True).assign(
        ratio=ratio,
        share=found["unsatisfied"] / found["examples"],
        threshold=("count", thresholds),
        parameters_for_each=("count", thresholds / counts),
        effect=fewest_for_each(ratio.values[-1], whole=done[-1]),
    )
