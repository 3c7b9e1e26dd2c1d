"""Lottery tickets: Frankle and Carbin, 2019, The Lottery Ticket Hypothesis, arXiv:1803.03635.

In rounds, a network is trained, the weights that are then smallest are pruned in each layer, and
the others go back to where they began. In each round this ticket is trained next to two controls
with as many weights: its mask with new weights, and another mask with its weights. All three take
the same batches, as one stack of networks; a test compares them with single networks of the
catalogue. A mask alone classifies too, without any training: Zhou et al., 2019, arXiv:1905.01067.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.connectivity.paths.base import batches
from landscape_core.experiments.lab_pictures import Curves, Guide, Matrix
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.labs._stacked_layers import Stack
from landscape_core.labs._ticket_masks import Masks, mosaic, weights_left
from landscape_core.labs._trained_networks import digits_run
from landscape_core.labs.base import Lab
from landscape_core.models import pruning
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.initializations.xavier import Xavier
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.masked_objective import Masked
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run

POINTS, PIXELS, WIDTH = 1200, 64, 100
"""Training images, their pixels, and units of each of two hidden layers: 17,610 parameters."""
ARCHITECTURE = MLP(depth=2, width=WIDTH, initialization=Xavier())
OPTIMIZER, BATCH, STEPS = Adam(learning_rate=1.2e-3), 60, 500
"""Initialization, optimizer and batch are those of the paper's fully connected network."""
FEW, EARLY = 4.0, 60
"""Percent of weights at which networks are compared, at the end and after this number of steps."""
RECORDED = np.unique(np.r_[np.arange(0, 61, 10), np.arange(100, STEPS + 1, 50)])

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LotteryTicket(Lab):
    """A network is pruned in rounds and trained again from where it began, next to controls."""

    label: ClassVar[str] = "Lottery tickets"
    family: ClassVar[str] = "Many minima"
    question: ClassVar[str] = (
        "Can a network be trained with one weight in 25, and does it matter where these begin?"
    )
    claim: ClassVar[str] = (
        "A dense network contains a small one, the winning ticket, which reaches the same accuracy"
        " when trained alone from its original weights. With new random weights the same small"
        " network learns more slowly and ends lower."
    )
    shows: ClassVar[str] = (
        "With 4 % of the weights the ticket ends a few points below the dense network. After 60"
        " steps it is about sixty points ahead of the same mask with new weights; at the end it is"
        " ahead by a few points, since the controls catch up. A random mask is worse: where weights"
        " are left matters too. The mask of weights that keep their sign classifies most images"
        " without any training."
    )
    source: ClassVar[str] = (
        "Frankle, Carbin, The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks,"
        " 2019, arXiv:1803.03635; supermasks: Zhou, Lan, Liu, Yosinski, Deconstructing Lottery"
        " Tickets, 2019, arXiv:1905.01067; SNIP: Lee, Ajanthan, Torr, 2019, arXiv:1810.02340"
    )
    seconds: ClassVar[float] = 17.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "test accuracy of the ticket minus that of its mask with new weights, with 4 % of the"
        " weights, at the end of training",
        "at least",
        0.03,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: initialization, optimizer and batch are the paper's; rounds, fractions, steps and"
        " the bound are those of an earlier reproduction, where the difference was 4 to 8 points."
        " Seeds 0 to 5 then gave 2 to 6 points, on both sides of the bound."
    )
    pictures: ClassVar = (
        Curves(
            title="Test accuracy at the end",
            x="weights_left",
            y=("accuracy",),
            by="network",
            x_label="weights left (%)",
            y_label="test accuracy",
            x_scale="log",
            markers=True,
            guides=(Guide(label="4 %", at=FEW),),
        ),
        Curves(
            title="Test accuracy after 60 steps",
            x="weights_left",
            y=("early",),
            by="trained",
            x_label="weights left (%)",
            y_label="test accuracy",
            x_scale="log",
            markers=True,
            guides=(Guide(label="4 %", at=FEW),),
        ),
        Curves(
            title="During training in one round",
            x="step",
            y=("curve",),
            by="trained",
            x_label="step",
            y_label="test accuracy",
            frame="weights_left",
        ),
        Matrix(
            title="Weights left of 36 hidden units, by pixel",
            value="mask",
            row="row",
            column="column",
            x_label="a square of 8 × 8 pixels for each unit",
            value_label="0: pruned, 1: left",
            value_scale="linear",
            frame="weights_left",
        ),
    )

    rounds: Annotated[int, Knob(1, 12, "rounds of training and pruning; ten leave 4 %")] = 10
    rewinding: Annotated[
        int, Knob(0, 50, "training step to whose weights the ticket goes back; 0: initialization")
    ] = 0
    supermask: Annotated[
        str,
        Choice(
            ("ticket", "same sign", "learned"),
            "mask of the untrained network: the ticket's; by weights that keep their sign; trained",
        ),
    ] = "same sign"
    other_mask: Annotated[
        str, Choice(("random", "SNIP"), "mask of the second control: random, or by sensitivity")
    ] = "random"

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the dense network, then round by round the ticket and its controls."""
        data = Digits(points=POINTS).build(seed)
        inputs, labels = data.train.inputs.float(), data.train.targets
        network = ARCHITECTURE.build((PIXELS,), 10, stream(seed, "init"))
        dense = ModelObjective(network, CrossEntropy(), inputs, labels)
        layout, start, early = dense.layout, dense.start, dense.start
        tests = Stack.of(layout, 1, data.test.inputs.float(), data.test.targets)
        masks = Masks(
            layout, start, supermask=self.supermask, other_mask=self.other_mask, seed=seed
        )
        found = self.empty(layout)
        for step, theta in trained(dense, start, 0, seed):
            early = theta if step == self.rewinding else early
            if step in RECORDED:
                record(found, 0, step, tests.accuracy(theta).numpy())
                yield finished(found)
        masks.prepare(
            dense, islice(batches(Stack.of(layout, 1, inputs, labels), BATCH, seed), STEPS)
        )
        stack = Stack.of(layout, 3, inputs, labels)
        for number in range(1, self.rounds + 1):
            mask, other, untrained = masks.after(theta, number)
            found["accuracy"].values[-1, number] = tests.accuracy(
                pruning.rewound(start, untrained)
            ).item()
            found["mask"].values[number] = mosaic(mask, layout)
            new = ARCHITECTURE.build((PIXELS,), 10, stream(seed, "new", number))
            fresh = layout.join(dict(new.named_parameters()))
            pairs = ((early, mask), (fresh, mask), (early, other))
            first = torch.cat([pruning.rewound(*pair) for pair in pairs])
            together = Masked(stack, torch.cat([mask for _, mask in pairs]))
            for step, thetas in trained(together, first, self.rewinding, seed):
                if step in RECORDED:
                    record(found, number, step, tests.accuracy(thetas).numpy())
                    yield finished(found)
            theta = thetas[: layout.size]

    def training_run(self, seed: int) -> Run:
        """The training of the dense network."""
        return digits_run(ARCHITECTURE, OPTIMIZER, STEPS, points=POINTS, batch=BATCH, seed=seed)

    def empty(self, layout: Layout) -> xr.Dataset:
        """The dataset before any training."""
        other = "random mask" if self.other_mask == "random" else "SNIP mask"
        names = ["ticket", "ticket's mask, new weights", f"{other}, ticket's weights"]
        mask = mosaic(pruning.full_mask(layout), layout)
        coordinates: dict[str, Any] = {
            "network": [*names, "supermask, untrained"], "trained": names, "step": RECORDED,
            "weights_left": weights_left(layout, self.rounds),
            "row": np.arange(len(mask)), "column": np.arange(len(mask)),
        }  # fmt: skip
        shapes = {
            "accuracy": ("network", "weights_left"),
            "early": ("trained", "weights_left"),
            "curve": ("trained", "weights_left", "step"),
            "mask": ("weights_left", "row", "column"),
        }
        values = {
            name: (dims, np.full([len(coordinates[dim]) for dim in dims], np.nan))
            for name, dims in shapes.items()
        }
        values["mask"][1][0] = mask
        return xr.Dataset(values, coordinates)


def trained(
    objective: Objective, theta: Vector, first: int, seed: int
) -> Iterator[tuple[int, Vector]]:
    """Yield the number of each step and the iterate after it, from step `first` to the last."""
    memory = OPTIMIZER.init(theta)
    yield first, theta
    parts = islice(batches(objective, BATCH, seed), first, STEPS)
    for step, part in enumerate(parts, start=first + 1):
        theta, memory = OPTIMIZER.step(part, theta, memory)
        yield step, theta


def record(found: xr.Dataset, number: int, step: int, accuracy: Array) -> None:
    """Fill in the test accuracies of the networks of a round after a step."""
    count = len(accuracy)
    found["curve"].values[:count, number, np.searchsorted(RECORDED, step)] = accuracy
    if step == EARLY:
        found["early"].values[:count, number] = accuracy
    if step == STEPS:
        found["accuracy"].values[:count, number] = accuracy


def finished(found: xr.Dataset) -> xr.Dataset:
    """The dataset with the gaps between the ticket and its controls where few weights are left."""
    at = int(np.abs(np.log(found["weights_left"].values / FEW)).argmin())
    late, early = found["accuracy"].values[:, at], found["early"].values[:, at]
    return found.copy(deep=True).assign(
        effect=late[0] - late[1],
        early_gap=early[0] - early[1],
        control=late[0] - late[2],
        lost=found["accuracy"].values[0, 0] - late[0],
    )
