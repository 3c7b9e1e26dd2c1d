"""Second-order methods: Dauphin et al., 2014, arXiv:1406.2572; Martens, 2020, arXiv:1412.1193.

A method that multiplies the gradient by a matrix descends steepest in another metric, drawn as
ellipses along its path in a valley of two parameters (see `_narrow_valley.py`). How many iterations
that saves is counted on an autoencoder (see `_small_autoencoder.py`), full batch: the target is
what SGD reaches with the best of four learning rates; other methods have fewer. An affine change of
the inputs changes the path of gradient descent, but not that of the natural gradient (Amari, 1998;
see `_affine_inputs.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Bars, Curves, Guide, Paths
from landscape_core.foundation.random_streams import numpy_stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs import _affine_inputs as affine
from landscape_core.labs import _narrow_valley as valley
from landscape_core.labs import _small_autoencoder as small
from landscape_core.labs.base import Lab
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.hessian_free import HessianFree
from landscape_core.training.optimizers.kfac import KFAC
from landscape_core.training.optimizers.lbfgs import LBFGS
from landscape_core.training.optimizers.natural_gradient import NaturalGradient
from landscape_core.training.optimizers.newton import Newton
from landscape_core.training.optimizers.saddle_free_newton import SaddleFreeNewton
from landscape_core.training.optimizers.sgd import SGD

Array = npt.NDArray[np.float64]

TURNS = 30
"""Steps in the valley."""
DRAWN = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 25)
"""Steps whose ellipses are drawn."""
GROUND_X, GROUND_Y = np.linspace(-1.8, 1.8, 55), np.linspace(-0.8, 2.8, 55)
LEAST = 1e-2
"""Added to the loss of the valley before its logarithm is drawn."""

STEPS = 200
"""Iterations of SGD, and of all that take one gradient or two each, at most."""
FEW = {"natural gradient": 60, "Hessian-free": 20, "Newton": 50, "saddle-free Newton": 50}
"""Iterations of methods with a dense matrix or many products each, at most."""
PLAIN, MOMENTUM, ADAM, KFAC_RATES = (
    (0.1, 0.3, 0.5, 0.7),
    (0.03, 0.1, 0.2),
    (0.01, 0.03, 0.1),
    (0.1, 0.3),
)
CLIP = 0.01
"""Bound on the change of predictions in a step of K-FAC."""
RACED = ("SGD", "momentum", "Adam", "L-BFGS", "K-FAC", "natural gradient", "Hessian-free", "Newton",
         "saddle-free Newton")  # fmt: skip

UPDATES = 10
"""Steps on both versions of the inputs."""
TINY = 1e-12, 1e-10
"""Dampings that are next to none, of the natural gradient and of K-FAC."""


@dataclass(frozen=True, kw_only=True)
class SecondOrder(Lab):
    """Methods that use curvature: their metric, what they save, and what they do not see."""

    label: ClassVar[str] = "Second-order methods"
    family: ClassVar[str] = "Walking downhill"
    question: ClassVar[str] = (
        "What does a method gain that takes the curvature of the loss into account, and what does"
        " it cost?"
    )
    claim: ClassVar[str] = (
        "Second-order methods follow a narrow valley and need far fewer iterations: K-FAC and"
        " L-BFGS at most half of those of tuned SGD, by which the criterion judges. The"
        " natural gradient takes the same path whatever affine map is applied to the inputs, and"
        " saddle-free Newton escapes saddle points to which Newton's method is attracted."
    )
    shows: ClassVar[str] = (
        "The ellipses are the unit circles of the metric of a method: round for gradient descent,"
        " long in the direction of the valley for the others, and none for Newton's method where"
        " the Hessian is indefinite. Momentum and Adam save about as many iterations as K-FAC and"
        " L-BFGS. Fewer iterations are not less time: a step with a dense matrix costs as much as"
        " dozens of gradients. Damping makes steps safe and breaks the invariance."
    )
    source: ClassVar[str] = (
        "Martens, Grosse, Optimizing Neural Networks with Kronecker-factored Approximate Curvature,"
        " 2015, arXiv:1503.05671; Dauphin et al., Identifying and attacking the saddle point"
        " problem in high-dimensional non-convex optimization, 2014, arXiv:1406.2572; Amari,"
        " Natural Gradient Works Efficiently in Learning, 1998"
    )
    seconds: ClassVar[float] = 16.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "iterations of K-FAC or L-BFGS, whichever needs more, to the final loss of tuned SGD,"
        " relative to those of SGD",
        "at most",
        0.5,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "On seeds 0 to 3, a narrower autoencoder, 8-5-2-5-8, on which runs end in minima of very"
        " different losses and K-FAC missed the target once, one of 8-12-4-12-8, and momentum as"
        " what the others are compared with: by that, K-FAC and L-BFGS needed 0.5 to 0.97 of the"
        " iterations. The bound was stated before, for SGD and a larger autoencoder."
    )
    pictures: ClassVar = (
        Paths(
            title="A narrow valley: paths, and the metric of each step",
            x="valley_x",
            y="valley_y",
            along="place",
            by="drawn",
            contour="height",
            ground_x="ground_x",
            ground_y="ground_y",
            x_label="x",
            y_label="y",
            equal=True,
            frame="turn",
        ),
        Bars(
            title="Iterations to the final loss of SGD",
            x="optimizer",
            value="iterations",
            y_label="iterations",
            y_scale="log",
        ),
        Bars(
            title="Seconds to the same loss",
            x="optimizer",
            value="seconds",
            y_label="seconds",
            y_scale="log",
        ),
        Curves(
            title="Inputs x against Mx + c: two paths of the same function",
            x="update",
            y=("difference",),
            by="rule",
            x_label="step",
            y_label="largest difference of outputs",
            y_scale="log",
            guides=(Guide(label="the same, but for rounding", level=1e-6),),
        ),
    )

    method: Annotated[
        str, Choice(valley.METHODS, "method whose path and metric are drawn in the valley")
    ] = "saddle-free Newton"
    condition: Annotated[
        float, Knob(20.0, 1e4, "condition number κ of the valley at its minima", "log")
    ] = 1000.0
    damping: Annotated[
        float,
        Knob(
            1e-6, 10.0, "damping λ of all second-order methods; floor of saddle-free Newton", "log"
        ),
    ] = 0.01

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the valley, the race on the autoencoder, then the changed inputs."""
        found = self._empty()
        for turn in self._valley(found, seed):
            if turn % 6 == 0:
                yield _finished(found)
        objective = small.autoencoder(seed)
        target = self._target(found, objective)
        yield _finished(found)
        others = self._raced(seed)
        for row, name in enumerate(RACED[1:], start=1):
            raced = small.raced(objective, *others[name], target=target)
            found["iterations"].values[row], found["seconds"].values[row] = raced
            yield _finished(found)
        fitted = affine.regression(seed)
        pair = fitted, affine.with_changed_inputs(fitted, *affine.affine_map(seed))
        for row, optimizer in enumerate(self._compared(seed).values()):
            found["difference"].values[row] = affine.apart(pair, optimizer, UPDATES)
            yield _finished(found)

    def _valley(self, found: xr.Dataset, seed: int) -> Iterator[int]:
        """Walk down the valley by both methods; yield every step."""
        k = valley.steepness_of(self.condition)
        height = valley.height(*np.meshgrid(GROUND_X, GROUND_Y), k)
        found["height"].values[:] = np.log10(height + LEAST)
        drawn = numpy_stream(seed, "start")
        start = np.array([drawn.uniform(-0.4, -0.2), drawn.uniform(1.2, 1.6)])
        sides = [found[name].values for name in ("valley_x", "valley_y")]
        walks = [
            valley.walk(method, start, k, self.damping, TURNS + 1) for method in self._walked()
        ]
        points = [[next(walk)] for walk in walks]
        for turn in range(TURNS + 1):
            for row, walk in enumerate(walks):
                iterate, _ = points[row][turn]
                points[row].append(next(walk))
                for side, values in enumerate(sides):
                    values[turn:, 2 - row, turn] = iterate[side]
            if turn in DRAWN:
                (iterate, metric), (following, _) = points[0][turn : turn + 2]
                shape = valley.ellipse(iterate, following, metric)
                first = DRAWN.index(turn) * (len(valley.ANGLES) + 1)
                for side, values in enumerate(sides):
                    values[turn:, 0, first : first + len(valley.ANGLES)] = shape[side]
            yield turn

    def _walked(self) -> tuple[str, str]:
        """The chosen method, and another one to compare it with."""
        plain = valley.METHODS[0]
        return self.method, plain if self.method != plain else valley.METHODS[-1]

    def _target(self, found: xr.Dataset, objective: ModelObjective) -> float:
        """The lowest final loss of SGD, whose iterations and seconds are written down."""
        rules = [SGD(learning_rate=rate) for rate in PLAIN]
        curves = [small.losses(objective, rule, STEPS) for rule in rules]
        finals = [float(curve[-1]) for curve in curves]
        best = int(np.argmin(np.nan_to_num(finals, nan=np.inf)))
        raced = small.raced(objective, rules[best : best + 1], STEPS, target=finals[best])
        found["iterations"].values[0], found["seconds"].values[0] = raced
        return finals[best]

    def _raced(self, seed: int) -> dict[str, tuple[list[Optimizer[Any]], int]]:
        """The other methods, with their learning rates, and how many iterations they have."""
        damping = self.damping
        kfac = [KFAC(learning_rate=r, damping=damping, clip=CLIP, seed=seed) for r in KFAC_RATES]
        dense: dict[str, Optimizer[Any]] = {
            "natural gradient": NaturalGradient(learning_rate=0.3, damping=damping),
            "Hessian-free": HessianFree(damping=damping),
            "Newton": Newton(damping=damping),
            "saddle-free Newton": SaddleFreeNewton(floor=damping),
        }
        return {
            "momentum": ([HeavyBall(learning_rate=rate) for rate in MOMENTUM], STEPS),
            "Adam": ([Adam(learning_rate=rate) for rate in ADAM], STEPS),
            "L-BFGS": ([LBFGS()], STEPS),
            "K-FAC": ([*kfac], STEPS),
            **{name: ([rule], FEW[name]) for name, rule in dense.items()},
        }

    def _compared(self, seed: int) -> dict[str, Optimizer[Any]]:
        """Rules whose paths on both versions of the inputs are compared."""
        return {
            "gradient descent": SGD(learning_rate=0.05),
            "natural gradient, λ → 0": NaturalGradient(learning_rate=0.3, damping=TINY[0]),
            "natural gradient, λ": NaturalGradient(learning_rate=0.3, damping=self.damping),
            "K-FAC, λ → 0": KFAC(learning_rate=0.3, damping=TINY[1], seed=seed),
        }

    def _empty(self) -> xr.Dataset:
        method, other = self._walked()
        drawn = [f"metric of {method}", other, method]
        places = max(TURNS + 1, len(DRAWN) * (len(valley.ANGLES) + 1))
        coordinates: dict[str, Any] = {
            "turn": np.arange(TURNS + 1), "drawn": drawn, "place": np.arange(places),
            "ground_x": GROUND_X, "ground_y": GROUND_Y, "optimizer": list(RACED),
            "rule": list(self._compared(0)), "update": np.arange(UPDATES + 1),
        }  # fmt: skip
        unknown = {
            "valley_x": ("turn", "drawn", "place"),
            "valley_y": ("turn", "drawn", "place"),
            "height": ("ground_y", "ground_x"),
            "iterations": ("optimizer",),
            "seconds": ("optimizer",),
            "difference": ("rule", "update"),
        }
        shapes = {n: [len(coordinates[dim]) for dim in dims] for n, dims in unknown.items()}
        return xr.Dataset(
            {n: (dims, np.full(shapes[n], np.nan)) for n, dims in unknown.items()}, coordinates
        )


def _finished(found: xr.Dataset) -> xr.Dataset:
    return found.copy(deep=True).assign(effect=ratio(found["iterations"].values))


def ratio(iterations: Array) -> float:
    """Iterations of K-FAC or L-BFGS, whichever needs more, relative to those of SGD.

    NaN as long as one of them is not known, and if one never gets there.
    """
    plain, lbfgs, kfac = (iterations[RACED.index(n)] for n in ("SGD", "L-BFGS", "K-FAC"))
    return float(np.max([lbfgs, kfac]) / plain)
