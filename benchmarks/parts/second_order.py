"""K-FAC on an autoencoder: Martens and Grosse, 2015, arXiv:1503.05671.

The rate of momentum was tuned on other seeds.
"""

from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from landscape_core.foundation import random_streams
from landscape_core.models.initializations.pytorch import PyTorch
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.kfac import KFAC
from parts._runs import first_below
from reproduce import section, table

STEPS, BATCH, EVERY = 600, 200, 10
WIDTHS = (64, 32, 16, 4, 16, 32, 64)
RULES = {
    "momentum": HeavyBall(learning_rate=0.03),
    "K-FAC": KFAC(),
}


def bernoulli(outputs, targets):
    """Minus the log-likelihood of each example, (N,)."""
    return binary_cross_entropy_with_logits(outputs, targets, reduction="none").sum(1)


def autoencoder(seed):
    """The objective: ReLU units, but a linear code and linear outputs."""
    inputs = torch.tensor(load_digits().data / 16.0).float()
    start, rng, layers = PyTorch(), random_streams.stream(seed, "weights"), []
    for i, (narrow, wide) in enumerate(pairwise(WIDTHS)):
        layer = nn.Linear(narrow, wide)
        start.fill(layer.weight, "relu", rng)
        start.fill_bias(layer.bias, layer.weight, rng)
        layers += [layer] if i in (2, 5) else [layer, nn.ReLU()]
    return ModelObjective(nn.Sequential(*layers), bernoulli, inputs, inputs)


def work(seed):
    """The losses of all examples, every ten steps, by rule."""
    objective = autoencoder(seed)
    return {name: _curve(objective, rule, seed) for name, rule in RULES.items()}


def _curve(objective, rule, seed):
    theta, curve = objective.start, []
    memory, rng = rule.init(theta), random_streams.stream(seed, "batches")
    for step in range(STEPS):
        batch = torch.randperm(objective.examples, generator=rng)[:BATCH]
        theta, memory = rule.step(objective.minibatch(batch), theta, memory)
        if (step + 1) % EVERY == 0:
            curve.append(float(objective.loss(theta)))
    return curve


def report(found):
    """Whether K-FAC needs half the steps of momentum."""
    last = [{name: curve[-1] for name, curve in each.items()} for each in found]
    needed = [
        {name: EVERY * first_below(curve, low["momentum"]) for name, curve in each.items()}
        for each, low in zip(found, last, strict=True)
    ]
    rows = [[*low.values(), *steps.values()] for low, steps in zip(last, needed, strict=True)]
    heads = [
        *(f"loss, {name}" for name in RULES),
        *(f"steps to the last loss of momentum, {name}" for name in RULES),
    ]
    setting = (
        f"Autoencoder {'-'.join(map(str, WIDTHS))} on digits, batch {BATCH}, {STEPS} steps;"
        " momentum 0.9 with 0.03, the defaults of K-FAC."
    )
    return [
        section(
            "K-FAC needs half the steps of tuned momentum",
            [steps["K-FAC"] <= 0.5 * STEPS for steps in needed],
            f"the last loss of momentum reached within {STEPS // 2} steps.",
            table(heads, rows),
            setting,
        ),
    ]
