"""A start for residual networks without normalization: Zhang, Dauphin and Ma, 2019."""

from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.initializations.fixup import Fixup
from landscape_core.models.initializations.he import He
from landscape_core.models.normalizations.none import NoNormalization
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from parts._runs import by_epoch, digits_run
from reproduce import section, table

TRIED = {"Fixup": (Fixup(), 0.01), "He": (He(), 0.01), "He, slower": (He(), 0.001)}


def work(seed):
    """The training loss after some 300 steps; NaN where it diverged."""
    found = {}
    for name, (start, rate) in TRIED.items():
        network = ResidualMLP(
            depth=100, width=64, normalization=NoNormalization(), initialization=start
        )
        run = digits_run(seed, HeavyBall(learning_rate=rate), network, epochs=16, batch=64)
        found[name] = by_epoch(run)[-1]["train_loss"]
    return found


def report(found):
    """Whether only Fixup trains fifty blocks."""
    held = [
        each["Fixup"] <= 0.2 and all(each[name] != each[name] for name in ("He", "He, slower"))
        for each in found
    ]
    return [
        section(
            "Fixup trains fifty blocks without normalization, He's start does not",
            held,
            "a training loss of at most 0.2 with Fixup; divergence with He's start at both rates.",
            table(list(TRIED), [[each[name] for name in TRIED] for each in found]),
            "Residual MLP of 50 blocks of width 64 on digits, momentum 0.9, rate 0.01 (slower:"
            " 0.001), batch 64, 16 epochs (304 steps). Without the paper's scalar biases.",
        )
    ]
