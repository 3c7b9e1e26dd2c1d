"""A linear rate from noisy gradients: Johnson and Zhang, 2013; Defazio et al., 2014.

And where that ends: on networks, Defazio and Bottou, 2019, arXiv:1812.04529.
"""

import torch

from landscape_core.foundation import random_streams
from landscape_core.models import derivatives
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.saga import SAGA
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.optimizers.svrg import SVRG
from landscape_core.training.run import Run, Training
from parts._least_squares import LeastSquares
from reproduce import section, table

N, D, EPOCHS = 200, 20, 40
NETWORKS = {"ReLU": "relu", "tanh": "tanh"}
SNAPSHOTS = (2, 10)
SEEN = (4, 16)


def work(seed):
    """The excess of each rule on least squares, and the ratios of variances on digits."""
    ratios = {name: variances(seed, activation) for name, activation in NETWORKS.items()}
    return {"excess": excesses(seed), "ratios": ratios}


def excesses(seed):
    """How far above the lowest loss each rule ends, batches of one."""
    rng = random_streams.stream(seed, "least squares")
    inputs = torch.randn(N, D, generator=rng, dtype=torch.float64)
    targets = inputs @ torch.randn(D, generator=rng, dtype=torch.float64)
    targets = targets + torch.randn(N, generator=rng, dtype=torch.float64)
    objective = LeastSquares(inputs, targets)
    best = torch.linalg.lstsq(inputs, targets).solution
    largest = float(inputs.square().sum(1).max())
    order = torch.randint(N, (EPOCHS * N,), generator=random_streams.stream(seed, "order"))
    found = {}
    for name, rule in (
        ("SGD", SGD(learning_rate=1 / largest)),
        ("SVRG", SVRG(learning_rate=1 / (3 * largest))),
        ("SAGA", SAGA(learning_rate=1 / (3 * largest))),
    ):
        theta = torch.zeros(D, dtype=torch.float64)
        memory = rule.init(theta)
        for index in order:
            theta, memory = rule.step(objective.minibatch(index[None]), theta, memory)
        found[name] = float(0.5 * (inputs @ (theta - best)).square().mean())
    return found


def variances(seed, activation):
    """Var(SVRG) / Var(SGD) over examples, some steps after the snapshot, by its epoch."""
    network = MLP(width=64, activation=activation)
    run = Run(
        problem=Supervised(dataset=Digits(points=1700), architecture=network),
        optimizer=HeavyBall(learning_rate=0.1),
        seed=seed,
    )
    training, found = Training(run), {}
    state, objective = training.start(), training.instance.train
    for epoch in SNAPSHOTS:
        while training.epoch(state) < epoch - 1:
            state = training.advance(state)
        old = torch.cat(list(derivatives.gradients(objective, state.theta)))
        for step in range(1, max(SEEN) + 1):
            state = training.advance(state)
            if step in SEEN:
                new = torch.cat(list(derivatives.gradients(objective, state.theta)))
                ratio = float((new - old).var(0).sum() / new.var(0).sum())
                found[f"epoch {epoch}, step {step}"] = ratio
    return found


def report(found):
    """Whether variance reduction converges where SGD does not, and reduces nothing on networks."""
    names = ("SGD", "SVRG", "SAGA")
    excess = [[each["excess"][name] for name in names] for each in found]
    held = [row[0] >= 1e-2 and max(row[1:]) <= 1e-12 for row in excess]
    sections = [
        section(
            "SVRG and SAGA reach the minimum at a constant step, SGD does not",
            held,
            "excess at most 1e-12 with both, at least 1e-2 with SGD.",
            table([f"excess, {name}" for name in names], excess),
            f"Least squares with noise 1, {N} examples, {D} numbers, batches of one, {EPOCHS}"
            " epochs; η = 1/max‖a‖² for SGD, a third of it for the others.",
        )
    ]
    for name in NETWORKS:
        ratios = [each["ratios"][name] for each in found]
        lost = [
            all(
                each[f"epoch {epoch}, step {step}"] > bound
                for epoch in SNAPSHOTS
                for step, bound in zip(SEEN, (0.5, 1.0), strict=True)
            )
            for each in ratios
        ]
        sections.append(
            section(
                f"On a network of {name} units a snapshot is stale within sixteen steps",
                lost,
                "Var(SVRG)/Var(SGD) above ½ within 4 steps of a snapshot and above 1 within 16, at"
                " epochs 2 and 10.",
                table(list(ratios[0]), [list(each.values()) for each in ratios]),
                "MLP 64-64-64-10 on 1,700 digits, momentum 0.9, rate 0.1, batch 32; over the"
                " gradients of all examples, exactly.",
            )
        )
    return sections
