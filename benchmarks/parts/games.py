"""Descent and ascent with noise: Beznosikov, Gorbunov, Berard and Loizou, 2023, 2202.07262."""

import torch

from landscape_core.models.problems.quadratic_game import QuadraticGame
from landscape_core.training.optimizers.diana import DIANA
from landscape_core.training.optimizers.loopless_svrg import LooplessSVRG
from landscape_core.training.optimizers.qsgd import QSGD
from landscape_core.training.optimizers.sega import SEGA
from landscape_core.training.optimizers.sgda import SGDA
from landscape_core.training.optimizers.vr_diana import VRDIANA
from landscape_core.training.run import Run, Training
from landscape_core.training.samplers.replacement import Replacement
from landscape_core.training.samplers.shuffled import Shuffled
from reproduce import section, table

STEPS, LONG = 8000, 40_000
PLAIN = QuadraticGame()
BOXED = QuadraticGame(noise=10.0, l1=0.3, box=0.5)


def affine(objective):
    """The matrix and the offset of a field F(z) = Az + b."""
    unit = torch.eye(objective.layout.size, dtype=torch.float64)
    offset = objective.gradient(torch.zeros_like(unit[0]))
    return torch.stack([objective.gradient(row) - offset for row in unit], dim=1), offset


def equilibrium(objective):
    """Where no player gains by a move, by a long deterministic iteration with the prox."""
    matrix, offset = affine(objective)
    z, rate = objective.start.clone(), 0.1
    for _ in range(5000):
        z = objective.prox(z - rate * (matrix @ z + offset), rate)
    return z


def distance(problem, rule, seed, *, steps, batch):
    """The squared distance from the equilibrium in the last quarter of a run, in the mean."""
    whole = batch == problem.samples
    run = Run(
        problem=problem,
        optimizer=rule,
        sampler=Shuffled() if whole else Replacement(),
        batch_size=batch,
        steps=steps,
        seed=seed,
        dtype="float64",
    )
    training, found = Training(run), []
    goal, state = equilibrium(training.instance.train), training.start()
    while state.index < steps:
        state = training.advance(state)
        if state.index > 0.75 * steps:
            found.append(float((state.theta - goal).square().sum()))
    return sum(found) / len(found)


def work(seed):
    """The distances that the rules keep."""
    train = PLAIN.build(seed, dtype=torch.float64).train
    each = [affine(train.between(i, i + 1))[0] for i in range(train.examples)]
    L = max(float(torch.linalg.matrix_norm(matrix, 2)) for matrix in each)
    single = {"steps": STEPS, "batch": 1}
    whole = {"steps": STEPS, "batch": PLAIN.samples}
    boxed = {"steps": LONG, "batch": BOXED.samples}
    rate = 1 / (25 * L)
    return {
        "L-SVRGDA": distance(PLAIN, LooplessSVRG(learning_rate=1 / (6 * L)), seed, **single),
        "SGDA": distance(PLAIN, SGDA(learning_rate=1 / (20 * L)), seed, **single),
        "SGDA, η/10": distance(PLAIN, SGDA(learning_rate=1 / (200 * L)), seed, **single),
        "DIANA": distance(PLAIN, DIANA(learning_rate=1 / (6 * L)), seed, **whole),
        "QSGDA": distance(PLAIN, QSGD(learning_rate=1 / (6 * L)), seed, **whole),
        "VR-DIANA": distance(
            PLAIN, VRDIANA(learning_rate=1 / (6 * L)), seed, steps=STEPS, batch=10
        ),
        "SEGA": distance(BOXED, SEGA(learning_rate=rate, keep=0.1), seed, **boxed),
        "coordinate SGDA": distance(
            BOXED, QSGD(learning_rate=rate, workers=1, keep=0.1), seed, **boxed
        ),
    }


def report(found):
    """Whether the rules with a memory reach the equilibrium and the others do not."""
    claims = (
        (
            "Variance reduction reaches the equilibrium of a game, SGDA does not",
            ("L-SVRGDA", "SGDA", "SGDA, η/10"),
            lambda a, b, c: a <= 1e-20 and min(b, c) >= 1e-4 and c <= b / 5,
            "at most 1e-20 with L-SVRGDA (η = 1/6L); at least 1e-4 with SGDA (1/20L), and a fifth"
            " or less of that at a tenth of the step.",
        ),
        (
            "A memory of what was sent lets compressed steps reach it",
            ("DIANA", "QSGDA"),
            lambda a, b: a <= 1e-20 and b >= 1e-5,
            "at most 1e-20 with DIANA, at least 1e-5 with QSGDA: ten workers with unlike data, half"
            " of the numbers sent, exact local fields, equal bits.",
        ),
        (
            "With both, stochastic local fields do as well",
            ("VR-DIANA",),
            lambda a: a <= 1e-20,
            "at most 1e-20 with VR-DIANA, batches of ten.",
        ),
        (
            "A memory of coordinates reaches the equilibrium with constraints",
            ("SEGA", "coordinate SGDA"),
            lambda a, b: a <= 1e-20 and b >= 1e-4,
            "with ‖·‖₁ and a box: at most 1e-20 with SEGA, at least 1e-4 without its memory.",
        ),
    )
    return [
        section(
            title,
            [holds(*(each[name] for name in names)) for each in found],
            criterion,
            table(list(names), [[each[name] for name in names] for each in found]),
            "Quadratic game of 2 × 5 numbers, 100 samples; squared distance from the equilibrium.",
        )
        for title, names, holds, criterion in claims
    ]
