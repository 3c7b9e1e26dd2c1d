"""Layer by layer with normalized gradients: Sinha et al., 2020, arXiv:1902.00491."""

import torch
from sklearn.datasets import load_digits
from torch import nn

from landscape_core.foundation import random_streams
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.dante import DANTE
from landscape_core.training.optimizers.sgd import SGD
from reproduce import section, table

STEPS, BATCH = 6000, 200
RULES = {
    **{f"SGD {rate}": SGD(learning_rate=rate) for rate in (0.1, 0.3, 0.6, 1.0, 2.0, 4.0)},
    "DANTE": DANTE(learning_rate=0.1),
    **{f"in turn {rate}": DANTE(learning_rate=rate, normalized=False) for rate in (0.3, 1.0, 2.0)},
}


def squared(outputs, targets):
    """The squared error of each example, (N,)."""
    return (outputs - targets).square().sum(1)


def work(seed):
    """The loss of an autoencoder after the same number of gradients, by rule."""
    inputs = torch.tensor(load_digits().data / 16.0).float()
    rng = random_streams.stream(seed, "weights")
    network = nn.Sequential(nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 64), nn.Sigmoid())
    for layer in (network[0], network[2]):
        nn.init.xavier_normal_(layer.weight, generator=rng)
        nn.init.zeros_(layer.bias)
    objective = ModelObjective(network, squared, inputs, inputs)
    found = {}
    for name, rule in RULES.items():
        theta, drawn = objective.start, random_streams.stream(seed, "batches")
        memory = rule.init(theta)
        for _ in range(STEPS):
            batch = torch.randint(len(inputs), (BATCH,), generator=drawn)
            theta, memory = rule.step(objective.minibatch(batch), theta, memory)
        found[name] = float(objective.loss(theta))
    return found


def report(found):
    """Whether it is not worse than tuned SGD, and what does it."""
    kinds = {"best SGD": "SGD", "DANTE": "DANTE", "in turn, not normalized": "in turn"}
    rows = [
        [min(v for name, v in each.items() if name.startswith(kind)) for kind in kinds.values()]
        for each in found
    ]
    return [
        section(
            "DANTE is not worse than tuned SGD at equal gradients",
            [row[1] <= row[0] for row in rows],
            "the loss after 6,000 gradients at most that of the best of six rates of SGD.",
            table(list(kinds), rows),
            "Sigmoid autoencoder 64-32-64 on digits, squared error, batch 200; η = 0.1. The last"
            " column is the same without normalization, the best of three rates.",
        )
    ]
