"""Steps a second of every optimizer beside torch's own.

    python benchmarks/bench_optimizers.py [--rounds 5] [--seconds 0.5]

Prints a table and writes it to `benchmarks/results/optimizers.md`. A 64-64-64-10 MLP on digits in
float32, batches of 64, on a CPU with one thread.
Ours is a whole step of a run: drawing the batch, the gradient, the update, and looking whether it
has diverged. Torch's is a loop as people write it: a shuffled order, `zero_grad`, `backward`,
`step`; with each form of torch's optimizer (for-loop, foreach, fused) that there is, on the same
weights. All take turns, and the best round of each counts.
"""

import argparse
import time
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import label_of
from landscape_core.foundation.registry import entries
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Run, Training

BATCH = 64
RESULTS = Path(__file__).parent / "results" / "optimizers.md"

TORCH = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}),
    "heavy_ball": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "adam": (torch.optim.Adam, {"lr": 0.01}),
    "adamw": (torch.optim.AdamW, {"lr": 0.01}),
    "amsgrad": (torch.optim.Adam, {"lr": 0.01, "amsgrad": True}),
    "nadam": (torch.optim.NAdam, {"lr": 0.01}),
    "adamax": (torch.optim.Adamax, {"lr": 0.01}),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.01}),
    "adadelta": (torch.optim.Adadelta, {"lr": 1.0}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 0.01}),
}
"""Torch's optimizer of each of ours that it has too."""

FORMS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def problem():
    """The digits and the network of all rows."""
    return Supervised(dataset=Digits(), architecture=MLP(width=64, depth=2))


class Ours:
    """Steps of a run of ours."""

    def __init__(self, optimizer):
        self._training = Training(Run(problem=problem(), optimizer=optimizer, batch_size=BATCH))
        self._state = self._training.start()

    def step(self):
        state = self._training.advance(self._state)
        if state.diverged:
            raise ArithmeticError("it diverged")
        self._state = state


class Theirs:
    """Steps of a loop with torch's optimizer."""

    def __init__(self, kind, options):
        training = Training(Run(problem=problem(), batch_size=BATCH))
        train = training.instance.train
        self._network, self._inputs, self._targets = (
            train.module.train(),
            train.inputs,
            train.targets,
        )
        for parameter in self._network.parameters():
            parameter.requires_grad_()
        self._optimizer = kind(self._network.parameters(), **options)
        self._rng = torch.Generator().manual_seed(0)
        self._at, self._order = len(self._inputs), None

    def step(self):
        if self._at >= len(self._inputs):
            self._order, self._at = torch.randperm(len(self._inputs), generator=self._rng), 0
        batch = self._order[self._at : self._at + BATCH]
        self._at += BATCH
        self._optimizer.zero_grad()
        loss = cross_entropy(self._network(self._inputs[batch]), self._targets[batch])
        loss.backward()
        loss.item()  # a loop that looks at its loss, as ours does
        self._optimizer.step()


def rate(runner, seconds):
    """Steps a second, over about so many seconds."""
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        runner.step()
        steps += 1
    return steps / (time.perf_counter() - began)


def runners():
    """Whatever is timed, by its name; and why something cannot be."""
    found, unable = {}, {}
    for name, kind in entries(Optimizer).items():
        try:
            found["ours", name] = Ours(kind())
        except SpecError as error:
            unable[name] = str(error)
    for name, (kind, options) in TORCH.items():
        for form, how in FORMS.items():
            try:
                found[form, name] = Theirs(kind, {**options, **how})
            except (TypeError, RuntimeError):
                continue  # torch has it not in this form
    return found, unable


def measured(rounds, seconds):
    """The best rate of each, and why something has none."""
    found, unable = runners()
    best = dict.fromkeys(found, 0.0)
    for _ in range(rounds):
        for name, runner in found.items():
            best[name] = max(best[name], rate(runner, seconds))
    return best, unable


def table(best, unable):
    """The lines of the result."""
    reference = max(best[form, "sgd"] for form in FORMS)
    heads = ("loop", "foreach", "fused")
    told = ["optimizer", "steps/s", "of torch's SGD", *(f"torch {head}" for head in heads)]
    yield "| " + " | ".join([*told, "ours / torch's best"]) + " |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, kind in entries(Optimizer).items():
        if name in unable:
            yield f"| {label_of(kind)} | {unable[name]} | | | | | |"
            continue
        mine = best["ours", name]
        theirs = [best.get((form, name)) for form in FORMS]
        told = [f"{value:.0f}" if value else "–" for value in theirs]
        known = [value for value in theirs if value]
        ratio = f"{mine / max(known):.2f}" if known else "–"
        cells = [label_of(kind), f"{mine:.0f}", f"{mine / reference:.2f}", *told, ratio]
        yield "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "# Steps a second of every optimizer",
        "",
        f"`python benchmarks/bench_optimizers.py`: 64-64-64-10 MLP, digits, batches of {BATCH}, "
        "float32, one thread, defaults of each, the best of "
        f"{options.rounds} rounds of {options.seconds} s in turns; torch {torch.__version__}.",
        "",
        *table(*measured(options.rounds, options.seconds)),
    ]
    print("\n".join(lines))
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
