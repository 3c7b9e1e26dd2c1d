"""Runs of the engine as the claims need them."""

import numpy as np

from landscape_core.experiments.learning_curves import measured
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.run import Run, Training


def digits_run(seed, optimizer, architecture, *, epochs, batch, points=1200):
    """A run of a network on digits for so many epochs."""
    problem = Supervised(dataset=Digits(points=points), architecture=architecture)
    steps = epochs * -(-points // batch)
    return Run(problem=problem, optimizer=optimizer, batch_size=batch, steps=steps, seed=seed)


def by_epoch(run):
    """What is measured at the end of each epoch and of the run; NaN after a divergence."""
    training = Training(run)
    state, found = training.start(), []
    names = list(measured(training.instance, state))
    while state.index < run.steps and not state.diverged:
        before = int(training.epoch(state))
        state = training.advance(state)
        if int(training.epoch(state)) > before or state.index == run.steps:
            found.append(measured(training.instance, state))
    if state.diverged or not found:
        found.append(dict.fromkeys(names, float("nan")))
    return found


def first_below(values, bound):
    """The number of the first value that is at most a bound, from 1; infinity if there is none."""
    below = np.flatnonzero(np.asarray(values) <= bound)
    return int(below[0]) + 1 if len(below) else float("inf")
