"""Pitfalls of adaptive steps: Reddi, Kale, Kumar, 2018, arXiv:1904.09237; Wilson et al., 2017.

Three convex problems. A game of one number (see `_online_game.py`), in which Adam ends at the worst
point. Least squares on the data of Wilson, Roelofs, Stern, Srebro, Recht, 2017, arXiv:1705.08292,
section 3.3, of which every rule finds a solution: gradient descent that of least norm, adaptive
rules one in proportion to sign(Xᵀy) (lemma 3.1). And logistic regression on bags of words, for
which AdaGrad was made (Duchi, Hazan, Singer, 2011), each rule with the best of three learning
rates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import nn

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Bars, Curves, Guide, HeatMap
from landscape_core.foundation.random_streams import numpy_stream
from landscape_core.foundation.recipes import Knob
from landscape_core.labs import _online_game as game
from landscape_core.labs._trained_networks import descent
from landscape_core.labs.base import Lab
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.sparse_features import SparseFeatures
from landscape_core.models.datasets.unique_features import UniqueFeatures
from landscape_core.models.losses.logistic import Logistic
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.adagrad import AdaGrad
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.rmsprop import RMSprop
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run
from landscape_core.training.samplers.full_batches import FullBatches

Array = npt.NDArray[np.float64]

TURNS = 10_000
"""Steps of the game; both ends are reached within a tenth of them at the default period."""
RECORDED = np.unique(np.geomspace(1, TURNS, 61).round().astype(int))
MEMORIES = np.geomspace(1.0, 1000.0, 13)
"""1 / (1 − β₂): about how many steps the second moment v remembers."""
MAPPED = (100, 1000, 3000, TURNS)
PERIODS = np.array([3.0, 4.0, 5.0, 7.0, 9.0, 12.0, 16.0, 22.0, 30.0])

RULES: dict[str, Optimizer[Any]] = {
    "gradient descent": SGD(learning_rate=0.3),
    "AdaGrad": AdaGrad(learning_rate=0.1),
    "Adam": Adam(learning_rate=0.01),
    "RMSprop": RMSprop(learning_rate=0.003),
}
FITTING = 400
"""Steps of least squares: gradient descent has fitted the rarer class, too, if it is a tenth."""

SPARSE: dict[str, tuple[Optimizer[Any], ...]] = {
    "SGD": tuple(SGD(learning_rate=rate) for rate in (3.0, 10.0, 30.0)),
    "AdaGrad": tuple(AdaGrad(learning_rate=rate) for rate in (1.0, 3.0, 10.0)),
    "Adam": tuple(Adam(learning_rate=rate) for rate in (0.03, 0.1, 0.3)),
}
BATCH, STEPS = 20, 300
LOOKS = np.arange(0, STEPS + 1, 20)


@dataclass(frozen=True, kw_only=True)
class AdaptivePitfalls(Lab):
    """Where Adam ends at the worst point, where it learns nothing, and where AdaGrad is better."""

    label: ClassVar[str] = "Pitfalls of adaptive steps"
    family: ClassVar[str] = "Walking downhill"
    question: ClassVar[str] = (
        "Can a rule that adapts its step sizes miss the minimum of a convex function, or fit its"
        " data and learn nothing from them?"
    )
    claim: ClassVar[str] = (
        "There are convex online problems in which Adam ends at the worst point and AMSGrad at the"
        " best. On a simple classification problem gradient descent finds a solution that is right"
        " on new examples, while those of AdaGrad, Adam and RMSprop always say the larger class."
    )
    shows: ClassVar[str] = (
        "Adam forgets the rare large gradient before the next one comes, and divides the small"
        " ones by little; AMSGrad does not forget. On Wilson's data adaptive rules give each input"
        " the same weight, however rare it is, and gradient descent gives most to what all examples"
        " share. Both are constructions: where rare words matter, equal weight is what AdaGrad is"
        " made for, and the more unequal their frequencies the more it gains."
    )
    source: ClassVar[str] = (
        "Reddi, Kale, Kumar, On the Convergence of Adam and Beyond, ICLR 2018, arXiv:1904.09237;"
        " Wilson, Roelofs, Stern, Srebro, Recht, The Marginal Value of Adaptive Gradient Methods in"
        " Machine Learning, 2017, arXiv:1705.08292; Duchi, Hazan, Singer, Adaptive Subgradient"
        " Methods, JMLR 12, 2011"
    )
    seconds: ClassVar[float] = 12.0
    criterion: ClassVar[Criterion] = Criterion(
        "smaller of two gaps that are 1 in theory: between Adam and AMSGrad in the game, relative"
        " to its width; and in test accuracy between gradient descent and the best adaptive rule,"
        " relative to the fraction of the rarer class",
        "at least",
        0.85,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing of what the criterion is about: its bound is that of an earlier script on three"
        " seeds, in which adaptive rules had at most the accuracy of always saying the larger"
        " class, plus 0.05. For the bags of words, learning rates from 0.01 to 30 on seeds 0 to 3."
    )
    pictures: ClassVar = (
        Curves(
            title="A convex game: where the players are",
            x="turn",
            y=("place",),
            by="player",
            x_label="step t",
            y_label="x",
            x_scale="log",
            guides=(Guide(label="best point", level=-1.0),),
        ),
        HeatMap(
            title="Regret of Adam, relative to the worst point's",
            x="memory",
            y="period",
            value="regret",
            value_label="relative regret",
            x_label="memory of the second moment, 1 / (1 − β₂), in steps",
            y_label="period C of the steep slope",
            x_scale="log",
            y_scale="log",
            guides=(Guide(label="period = memory", variable="equal"),),
        ),
        Bars(
            title="Wilson's data: all rules fit them",
            x="rule",
            value="accuracy",
            by="part",
            theory="theory",
            y_label="accuracy",
        ),
        Curves(
            title="Bags of words: best of three learning rates",
            x="step",
            y=("loss",),
            by="optimizer",
            x_label="step",
            y_label="training loss",
            y_scale="log",
        ),
    )

    beta2: Annotated[
        float, Knob(0.0, 0.999, "exponential decay rate β₂ of the second moment in the game")
    ] = 0.1
    period: Annotated[
        int, Knob(3, 10, "period C of the game: one slope C, then C − 1 slopes of −1")
    ] = 3
    majority: Annotated[
        float, Knob(0.55, 0.9, "probability of the larger class of Wilson's data")
    ] = 0.65
    exponent: Annotated[
        float, Knob(0.0, 2.0, "exponent of the word frequencies 1 / rank^a; 0: all words alike")
    ] = 1.0

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the game, its map, Wilson's data, then bags of words."""
        found, gaps = self._empty(), np.full(2, np.nan)
        start = float(numpy_stream(seed, "start").uniform(-1, 1))
        for at in self._game(found, start):
            if at % 15 == 0:
                yield _finished(found, gaps)
        gaps[0] = (found["place"].values[1, -1] - found["place"].values[2, -1]) / 2
        for regret in regrets_of_adam(start):
            found["regret"].values[:] = regret
            yield _finished(found, gaps)
        share = self._wilson(found, seed)
        gaps[1] = accuracy_gap(found["accuracy"].values[:, 1], share)
        yield _finished(found, gaps)
        objective = self.training_run(seed).problem.build(seed).train
        assert isinstance(objective, ModelObjective)  # it is a network's
        for row, optimizers in enumerate(SPARSE.values()):
            curves = [losses_along(objective, one, seed) for one in optimizers]
            found["loss"].values[row] = min(curves, key=lambda losses: losses[-1])
            yield _finished(found, gaps)

    def training_run(self, seed: int) -> Run:
        """Bags of words by AdaGrad with the middle of its learning rates."""
        problem = Supervised(
            dataset=SparseFeatures(exponent=self.exponent), architecture=MLP(depth=0),
            loss=Logistic(),
        )  # fmt: skip
        return Run(
            problem=problem, optimizer=SPARSE["AdaGrad"][1], sampler=FullBatches(),
            batch_size=BATCH, steps=STEPS, seed=seed,
        )  # fmt: skip

    def _game(self, found: xr.Dataset, start: float) -> Iterator[int]:
        """Play the game; yield the entry of every recorded step."""
        places, at = found["place"].values, 0
        games = np.array([float(self.period)]), np.array([self.beta2])
        for turn, x, _ in game.played(*games, start, TURNS):
            if turn == RECORDED[at]:
                places[:, at] = x[:, 0]
                yield at
                at += 1

    def _wilson(self, found: xr.Dataset, seed: int) -> float:
        """Fit Wilson's data by every rule; return the fraction of the rarer class in the test."""
        split = UniqueFeatures(majority=self.majority).build(seed)
        classes = [part.targets for part in (split.train, split.test)]
        objective = least_squares(split.train.inputs, classes[0])
        for row, rule in enumerate(RULES.values()):
            theta = solution(rule, objective)
            for column, part in enumerate((split.train, split.test)):
                right = (part.inputs @ theta > 0) == classes[column].bool()
                found["accuracy"].values[row, column] = float(right.double().mean())
        larger = float(classes[1].double().mean())
        found["theory"].values[:, 0] = 1.0
        found["theory"].values[:, 1] = [1.0, larger, larger, larger]
        return min(larger, 1 - larger)

    def _empty(self) -> xr.Dataset:
        sizes: dict[str, Any] = {
            "player": list(game.PLAYERS), "turn": RECORDED, "period": PERIODS, "memory": MEMORIES,
            "rule": list(RULES), "part": ["training", "test"], "optimizer": list(SPARSE),
            "step": LOOKS,
        }  # fmt: skip
        unknown = {
            "place": ("player", "turn"),
            "regret": ("period", "memory"),
            "accuracy": ("rule", "part"),
            "theory": ("rule", "part"),
            "loss": ("optimizer", "step"),
        }
        inside = MEMORIES.clip(PERIODS[0], PERIODS[-1]) == MEMORIES
        return xr.Dataset(
            {
                n: (dims, np.full([len(sizes[d]) for d in dims], np.nan))
                for n, dims in unknown.items()
            }
            | {"equal": ("memory", np.where(inside, MEMORIES, np.nan))},
            sizes,
        )


def _finished(found: xr.Dataset, gaps: Array) -> xr.Dataset:
    """A copy; the effect is the smaller of both gaps, NaN until both are known."""
    return found.copy(deep=True).assign(effect=float(gaps.min()))


def regrets_of_adam(start: float) -> Iterator[Array]:
    """The regret of Adam by period and memory, relative to the worst point's, at `MAPPED` steps."""
    periods, memories = (one.ravel() for one in np.meshgrid(PERIODS, MEMORIES, indexing="ij"))
    for turn, _, regret in game.played(periods, 1 - 1 / memories, start, TURNS):
        if turn in MAPPED:
            relative = game.of_the_worst(regret, periods, turn)[1]
            yield relative.reshape(len(PERIODS), len(MEMORIES))


def accuracy_gap(accuracy: Array, share: float) -> float:
    """How much better the first rule is than the best of the others, relative to a share.

    NaN if there is no example of the rarer class.
    """
    return float((accuracy[0] - accuracy[1:].max()) / share) if share else float("nan")


def least_squares(inputs: torch.Tensor, classes: torch.Tensor) -> ModelObjective:
    """The mean of ½ (⟨w, x⟩ − y)², y = ±1, from w = 0."""
    model = nn.Linear(inputs.shape[1], 1, bias=False, dtype=inputs.dtype)
    nn.init.zeros_(model.weight)
    signs = 2.0 * classes[:, None].to(inputs) - 1.0
    return ModelObjective(model, SquaredError(), inputs, signs)


def solution(rule: Optimizer[Any], objective: ModelObjective) -> torch.Tensor:
    """The weights after `FITTING` full-batch steps."""
    theta, memory = objective.start, rule.init(objective.start)
    for _ in range(FITTING):
        theta, memory = rule.step(objective, theta, memory)
    return theta


def losses_along(objective: ModelObjective, optimizer: Optimizer[Any], seed: int) -> Array:
    """The losses of all examples at the steps of `LOOKS`; infinite where a run has diverged."""
    path = descent(objective, optimizer, STEPS, batch=BATCH, seed=seed)
    losses = [
        float(objective.losses(theta[None])) for step, theta in enumerate(path) if step in LOOKS
    ]
    return np.nan_to_num(np.array(losses), nan=np.inf)
