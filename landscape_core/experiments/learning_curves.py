"""What is measured of a state on all data, and the curves that this gives over a run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.models.losses.base import Loss
from landscape_core.models.measures.base import (
    Answers,
    Measure,
    OutputMeasure,
    read_as_given,
    usual,
)
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.problems.base import Instance
from landscape_core.training.recorder import Entry
from landscape_core.training.run import State

LOSS_ERROR = "loss_standard_error"
"""The variable with the standard error of a loss that was measured on a sample."""


def applicable(instance: Instance) -> dict[str, Measure]:
    """The measures that mean something for a problem, by name; at least the loss."""
    classes = instance.data.classes if instance.data else None
    return usual(classes)


def measured(instance: Instance, state: State) -> dict[str, float]:
    """Every applicable measure on all examples of each split, as `train_loss`, `test_accuracy`."""
    values: dict[str, float] = {}
    for split, objective in (("train", instance.train), ("test", instance.test)):
        if objective is not None:
            read = _read(objective, state, applicable(instance))
            values.update({f"{split}_{name}": value for name, value in read.items()})
    return values


def curves(recorded: Sequence[Entry]) -> xr.Dataset:
    """Measures (split, step) and the mini-batch loss (step) of what was recorded."""
    names = sorted({key.partition("_")[2] for entry in recorded for key in entry.values})
    splits = [s for s in ("train", "test") if any(f"{s}_loss" in e.values for e in recorded)]
    table = {
        name: (
            ("split", "step"),
            np.array(
                [[e.values.get(f"{split}_{name}", math.nan) for e in recorded] for split in splits]
            ),
        )
        for name in names
    }
    steps = np.array([entry.state.index for entry in recorded])
    batch = ("step", np.array([entry.state.batch_loss for entry in recorded]))
    return xr.Dataset({**table, "batch_loss": batch}, {"split": splits, "step": steps})


@dataclass(frozen=True, eq=False)
class SampleMeasures:
    """Measures on a sample of `total` examples, with the standard errors of loss and accuracy."""

    objective: ModelObjective
    measures: dict[str, Measure]
    total: int

    @property
    def examples(self) -> int:
        """The size of the sample."""
        return self.objective.examples

    def outputs(self, state: State, inputs: Tensor) -> Tensor:
        """The outputs of the network at a state for inputs (n, ...)."""
        return self.objective.with_buffers(state.buffers).outputs(state.theta, inputs)

    def of(self, outputs: Tensor) -> dict[str, float]:
        """The measures of outputs on the sample by name, and `loss_standard_error` and the like.

        The errors are those of losses of the catalogue, which give each example's; else there are
        none.
        """
        answers = Answers(self.objective.targets, self.objective.loss_function)
        single = {"loss": answers.losses, "accuracy": answers.right}
        found = {}
        for name, measure in self.measures.items():
            if name in single and isinstance(answers.loss, Loss):
                values = single[name](outputs)
                found[name] = values.mean()
                found[f"{name}_standard_error"] = self._error(values)
            elif isinstance(measure, OutputMeasure):
                found[name] = read_as_given(measure, outputs, answers)
        return {name: float(value) for name, value in found.items()}

    def _error(self, values: Tensor) -> Tensor:
        """The standard error of the mean of values (n,) drawn without replacement."""
        count = len(values)
        return values.std() * math.sqrt((1 - count / self.total) / count)


def _read(objective: Objective, state: State, measures: dict[str, Measure]) -> dict[str, float]:
    with torch.no_grad():
        if not isinstance(objective, ModelObjective):
            return {"loss": float(objective.loss(state.theta))}
        objective = objective.with_buffers(state.buffers)
        outputs = objective.outputs(state.theta)
        answers = Answers(objective.targets, objective.loss_function)
        return {
            name: float(read_as_given(measure, outputs, answers))
            for name, measure in measures.items()
            if isinstance(measure, OutputMeasure)
        }
