"""Batch normalization makes more rates good: Ioffe and Szegedy, 2015; Arora et al., 2019."""

import math

from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.normalizations.none import NoNormalization
from landscape_core.training.optimizers.sgd import SGD
from parts._runs import by_epoch, digits_run
from reproduce import section, table

RATES = [2.0**k for k in range(-8, 5)]
KINDS = {"plain": NoNormalization(), "batch norm": Batch()}


def work(seed):
    """Test accuracies by normalization and rate."""
    found = {}
    for name, normalization in KINDS.items():
        found[name] = []
        for rate in RATES:
            network = MLP(depth=4, width=64, normalization=normalization)
            run = digits_run(seed, SGD(learning_rate=rate), network, epochs=16, batch=64)
            accuracy = by_epoch(run)[-1]["test_accuracy"]
            found[name].append(0.0 if math.isnan(accuracy) else accuracy)
    return found


def octaves(accuracies):
    """How many of the rates reach 95 % of the best accuracy."""
    return sum(value >= 0.95 * max(accuracies) for value in accuracies)


def report(found):
    """Whether at least half as many octaves more are good with batch normalization."""
    rows = [[what(each[name]) for what in (octaves, max) for name in KINDS] for each in found]
    heads = [f"{what}, {name}" for what in ("octaves", "best") for name in KINDS]
    return [
        section(
            "Batch normalization widens the range of good rates",
            [row[1] >= 1.5 * row[0] for row in rows],
            "rates (of powers of two from 2⁻⁸ to 2⁴) with 95 % of the best accuracy: at least 1.5"
            " times as many.",
            table(heads, rows),
            "MLP of four hidden layers of 64 on digits, SGD, batch 64, 16 epochs (304 steps).",
        )
    ]
