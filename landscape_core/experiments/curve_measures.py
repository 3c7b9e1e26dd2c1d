"""On which examples the measures along a run are computed, so that recording is no burden.

A small data set is measured whole at every recorded step. Of a larger one it is a fixed random
sample, as large as fits into half of the time that training takes by a count of operations: a
function of the recipe, not of the clock, so that the same run has the same record. The sample is
stated with the standard errors of its means, and the last step of a run is measured on all
examples.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from landscape_core.experiments.learning_curves import SampleMeasures, applicable, measured
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance
from landscape_core.training.run import Run, State
from landscape_core.training.run_cost import GRADIENT

SHARE = 0.5
"""Of the time of training, how much recording may take."""

SMALL = 5000
"""Examples of all splits together up to which they are all measured at every recorded step."""

FEWEST = UNIT = 16
"""Examples of a sample at least, and of which number it is a multiple."""

RATE = 5e10
"""Floating-point operations a second of a usual processor, by which times are estimated."""

STEP, MEASURE = 1e-3, 2e-4
"""Seconds of a training step, and of measuring one split, besides their operations."""


@dataclass(frozen=True, eq=False)
class CurveMeasures:
    """The measures of states along a run; `samples` are those of a sample, by split, if any are."""

    instance: Instance
    samples: dict[str, SampleMeasures]
    joined: Tensor | None = None
    """The inputs of all samples, of a network of known layers, which treats each by itself."""

    def at(self, state: State, *, last: bool) -> dict[str, float]:
        """The measures by split, as `train_loss`; of a sample also errors and counts.

        Those are `train_loss_standard_error`, `train_accuracy_standard_error`, `train_examples`
        and `train_examples_of`.

        Args:
            state: of the run.
            last: whether it is the last of the run, which is measured on all examples.
        """
        if not self.samples:
            return measured(self.instance, state)
        values: dict[str, float] = measured(self.instance, state) if last else {}
        found = {} if last else self._of_samples(state)
        for split, sample in self.samples.items():
            if last:
                told = {"examples": float(sample.total), **_without_error(values, split)}
            else:
                told = {**found[split], "examples": float(sample.examples)}
            values |= {f"{split}_{name}": value for name, value in told.items()}
            values[f"{split}_examples_of"] = float(sample.total)
        return values

    def _of_samples(self, state: State) -> dict[str, dict[str, float]]:
        """The measures of each sample, by one call of the network where that is the same."""
        with torch.no_grad():
            if self.joined is None:
                return {
                    split: one.of(one.outputs(state, one.objective.inputs))
                    for split, one in self.samples.items()
                }
            first, *_ = self.samples.values()
            sizes = [one.examples for one in self.samples.values()]
            outputs = first.outputs(state, self.joined).split(sizes)
            pairs = zip(self.samples.items(), outputs, strict=True)
            return {split: one.of(some) for (split, one), some in pairs}


def curve_measures(
    run: Run, instance: Instance, kept: int, examples: int | None = None
) -> CurveMeasures:
    """Choose the examples on which a run is measured.

    Args:
        run: what is trained.
        instance: its problem.
        kept: how many iterates are recorded at most.
        examples: at most so many of each split; by default as many as the rule allows.

    Raises:
        SpecError: no such number of examples.
    """
    if examples is not None:
        whole = isinstance(examples, int | np.integer) and not isinstance(examples, bool)
        if not whole or examples < 1:
            raise SpecError("examples", examples, "a whole number from 1 on, or None")
    splits = {name: getattr(instance, name) for name in ("train", "test")}
    parts = {name: part for name, part in splits.items() if isinstance(part, ModelObjective)}
    if instance.data is None or "train" not in parts:
        return CurveMeasures(instance, {})
    most = _most(run, parts, kept) if examples is None else int(examples)
    if all(part.examples <= most for part in parts.values()):
        return CurveMeasures(instance, {})
    known = applicable(instance)
    samples = {
        name: SampleMeasures(part.reordered(_sample(run, name, part, most)), known, part.examples)
        for name, part in parts.items()
    }
    plain = parts["train"].evaluation.is_plain
    joined = torch.cat([one.objective.inputs for one in samples.values()]) if plain else None
    return CurveMeasures(instance, samples, joined)


def _most(run: Run, parts: dict[str, ModelObjective], kept: int) -> int:
    """How many examples of each split are measured at a recorded step."""
    total = sum(part.examples for part in parts.values())
    if total <= SMALL:
        return total
    seconds = _operations(run, parts["train"]) / RATE
    step = STEP + GRADIENT * min(run.batch_size, parts["train"].examples) * seconds
    recorded = min(run.steps + 1, kept)
    budget = SHARE * step * run.steps / recorded - len(parts) * MEASURE
    most = int(budget / seconds / len(parts)) // UNIT * UNIT
    return max(FEWEST, min(total, most))


def _operations(run: Run, train: ModelObjective) -> float:
    """Floating-point operations of one evaluation of an example, estimated where not known."""
    size = run.problem.estimated_size()
    known = 0 if size is None else size.operations()
    return float(known or 2 * train.layout.size)


def _sample(run: Run, split: str, part: ModelObjective, most: int) -> Tensor:
    """The indices of random examples of a split, in rising order, shape (most,) or all."""
    rng = random_streams.stream(run.seed, "curves", split)
    order = torch.randperm(part.examples, generator=rng)[:most]
    return order.sort().values.to(part.inputs.device)


def _without_error(values: dict[str, float], split: str) -> dict[str, float]:
    """The standard errors of what was measured on all examples."""
    names = [name for name in ("loss", "accuracy") if f"{split}_{name}" in values]
    return {f"{name}_standard_error": 0.0 for name in names}
