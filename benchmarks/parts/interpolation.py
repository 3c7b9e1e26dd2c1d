"""What a constant step leaves: Schmidt and Le Roux, 2013, arXiv:1308.6370; Vaswani et al., 2019.

Least squares with n = 200, d = 20: where all examples can be fitted at once SGD goes to the
minimum at a constant step; else it stays at a distance, unless the step falls.
"""

import torch

from landscape_core.foundation import random_streams
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.samplers.base import Asked
from landscape_core.training.samplers.shuffled import Shuffled
from parts._least_squares import LeastSquares
from reproduce import section, table

N, D, EPOCHS = 200, 20, 40


def problem(seed, noise):
    """The objective and its lowest value."""
    rng = random_streams.stream(seed, "data")
    inputs = torch.randn(N, D, generator=rng, dtype=torch.float64)
    truth = torch.randn(D, generator=rng, dtype=torch.float64)
    targets = inputs @ truth + noise * torch.randn(N, generator=rng, dtype=torch.float64)
    objective = LeastSquares(inputs, targets)
    return objective, float(objective.loss(torch.linalg.lstsq(inputs, targets).solution))


def excess(seed, noise, *, falling):
    """How far above the lowest value SGD with batches of one ends."""
    objective, lowest = problem(seed, noise)
    rate = 1 / float(objective.inputs.square().sum(1).max())
    sampler, theta = Shuffled(), torch.zeros(D, dtype=torch.float64)
    memory = sampler.init(N)
    for step in range(EPOCHS * N):
        asked = Asked(objective, theta, 1, step, step, seed)
        part, memory = sampler.draw(asked, memory)
        now = rate / (1 + step // N) if falling else rate
        theta, _ = SGD(learning_rate=now).step(part, theta, None)
    return float(objective.loss(theta)) - lowest


def work(seed):
    """The excess with and without noise, at a constant and at a falling step."""
    return {
        "no noise": excess(seed, 0.0, falling=False),
        "noise": excess(seed, 1.0, falling=False),
        "noise, falling step": excess(seed, 1.0, falling=True),
    }


def report(found):
    """Whether a constant step reaches the minimum only where all examples can be fitted."""
    names = ("no noise", "noise", "noise, falling step")
    held = [
        each["no noise"] <= 1e-20 and each["noise"] >= 1e-2 and each[names[2]] <= 3e-3
        for each in found
    ]
    return [
        section(
            "SGD at a constant step reaches the minimum where all examples can be fitted",
            held,
            "excess at most 1e-20 without noise; at least 1e-2 with noise 1; at most 3e-3 with a"
            " step that falls like one over the epoch.",
            table([f"excess, {name}" for name in names], [[e[n] for n in names] for e in found]),
            f"Least squares, {N} examples, {D} numbers, batches of one, {EPOCHS} epochs,"
            " η = 1/max‖a‖².",
        )
    ]
