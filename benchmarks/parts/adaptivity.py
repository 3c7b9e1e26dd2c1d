"""What adaptive steps learn on a convex problem: Wilson et al., 2017, arXiv:1705.08292, 3.3.

Least squares with classes ±1 of probability 0.65 and 0.35: feature 1 is the class, feature 2 is
the same for all, and each example has features of its own, one if its class is +1 and four if not.
All rules fit it; they find different solutions of which each fits.
"""

import torch
from torch import nn

from landscape_core.foundation import random_streams
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adagrad import AdaGrad
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.rmsprop import RMSprop
from landscape_core.training.optimizers.sgd import SGD
from reproduce import section, table

N = 100
RULES = {
    "gradient descent": SGD(learning_rate=0.3),
    "AdaGrad": AdaGrad(learning_rate=0.1),
    "Adam": Adam(learning_rate=0.003),
    "RMSprop": RMSprop(learning_rate=0.0003),
}


class Score(nn.Module):
    """⟨w, x⟩ from w = 0."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size, dtype=torch.float64))

    def forward(self, inputs):
        return inputs @ self.weight


def data(labels, first):
    """Inputs whose own features begin at column `first`, (N, 2 + 5 N + first)."""
    inputs = torch.zeros(len(labels), 2 + first + 5 * len(labels), dtype=torch.float64)
    inputs[:, 0], inputs[:, 1] = labels, 1.0
    for i, label in enumerate(labels):
        start = 2 + first + 5 * i
        inputs[i, start : start + (1 if label > 0 else 5)] = 1.0
        if label < 0:
            inputs[i, start + 4] = 0.0
    return inputs


def work(seed):
    """Training error and accuracy on new examples with features of their own, by rule."""
    rng = random_streams.stream(seed, "classes")
    train, test = (
        torch.where(torch.rand(N, generator=rng, dtype=torch.float64) < 0.65, 1.0, -1.0)
        for _ in range(2)
    )
    inputs = data(train, 0)
    objective = ModelObjective(
        Score(inputs.shape[1]), lambda outputs, targets: (outputs - targets) ** 2, inputs, train
    )
    found = {}
    for name, rule in RULES.items():
        theta, memory = objective.start, rule.init(objective.start)
        for _ in range(20_000):
            theta, memory = rule.step(objective, theta, memory)
        score = data(test, 5 * N)[:, : inputs.shape[1]] @ theta  # of new features nothing is known
        found[name] = {
            "training error": float((objective.outputs(theta).sign() != train).double().mean()),
            "accuracy": float((score.sign() == test).double().mean()),
        }
    found["majority"] = float((test > 0).double().mean())
    return found


def report(found):
    """Whether gradient descent alone classifies new examples."""
    names = ("training error", "accuracy")
    rows = [
        [*(each[name][what] for what in names for name in RULES), each["majority"]]
        for each in found
    ]
    heads = [f"{what}, {name}" for what in names for name in RULES]
    held = [
        all(each[name]["training error"] == 0 for name in RULES)
        and each["gradient descent"]["accuracy"] == 1.0
        and all(each[name]["accuracy"] <= each["majority"] + 0.05 for name in list(RULES)[1:])
        for each in found
    ]
    return [
        section(
            "Adaptive rules fit, and do not learn, what gradient descent learns",
            held,
            "all fit the training examples; on new ones gradient descent has accuracy 1, AdaGrad,"
            " Adam and RMSprop at most the share of the larger class plus 0.05.",
            table([*heads, "larger class"], rows),
            "Least squares on 100 examples, full batch, 20,000 steps in float64.",
        )
    ]
