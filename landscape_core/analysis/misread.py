"""The misread examples of a classifier: what they are, and what the network takes them for."""

from dataclasses import dataclass

import torch
from torch import Tensor

from landscape_core.foundation.types import Vector
from landscape_core.models.losses.base import Loss
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance

EXAMINED = 200
"""Examples that are classified, at most: the first ones of the test data."""

SHOWN = 12
"""Misread examples that are stated one by one, at most: the first ones."""


@dataclass(frozen=True, eq=False)
class Misread:
    """The first misread examples of a `split`, in the order of the data.

    `index` (K,) are their positions, `label` and `predicted` (K,) classes, `probability` and
    `label_probability` (K,) those of the predicted class and of the label; `count` of `examined`
    examples are misread.
    """

    split: str
    examined: int
    count: int
    index: Tensor
    label: Tensor
    predicted: Tensor
    probability: Tensor
    label_probability: Tensor


def misread(instance: Instance, theta: Vector, buffers: dict[str, Tensor]) -> Misread | None:
    """The misread examples at theta; None of what is no classifier.

    Of the test data, or of the training data where there are none.
    """
    split = "train" if instance.test is None else "test"
    objective = instance.train if instance.test is None else instance.test
    if instance.data is None or instance.data.classes is None:
        return None
    if not isinstance(objective, ModelObjective) or not isinstance(objective.loss_function, Loss):
        return None
    part, loss = objective.with_buffers(buffers).first(EXAMINED), objective.loss_function
    with torch.no_grad():
        outputs = part.outputs(theta)
        predicted, probabilities = loss.predict(outputs), loss.probabilities(outputs)
    wrong = predicted != part.targets
    index = wrong.nonzero()[:, 0]
    few = index[:SHOWN]
    rows = probabilities[few]
    answers, labels = predicted[few], part.targets[few]
    return Misread(
        split, part.examples, len(index), few, labels, answers,
        rows.gather(1, answers[:, None])[:, 0], rows.gather(1, labels[:, None])[:, 0],
    )  # fmt: skip
