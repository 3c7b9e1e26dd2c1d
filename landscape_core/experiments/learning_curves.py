"""What is measured of a state on all data, and the curves that this gives over a run."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from landscape_core.models.measures.base import Answers, Measure, OutputMeasure, usual
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.problems.base import Instance
from landscape_core.training.recorder import Entry
from landscape_core.training.run import State


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


def _read(objective: Objective, state: State, measures: dict[str, Measure]) -> dict[str, float]:
    with torch.no_grad():
        if not isinstance(objective, ModelObjective):
            return {"loss": float(objective.loss(state.theta))}
        objective = objective.with_buffers(state.buffers)
        outputs = objective.outputs(state.theta)
        answers = Answers(objective.targets, objective.loss_function)
        return {
            name: float(measure.read(outputs, answers))
            for name, measure in measures.items()
            if isinstance(measure, OutputMeasure)
        }
