"""What papers claim about loss landscapes, tried at a size for two cores, each over five seeds.

    python benchmarks/reproduce.py [--seeds 5] [--processes 2]

Prints tables and writes them to `benchmarks/results/reproductions.md`. Settings and criteria are
those of the papers or were set before the runs; a claim that does not hold is reported so, with
the numbers. A seed draws the data, the start, the batches and the directions. What a lab tries
(docs/labs.md) does not stand here.
"""

import argparse
import os
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from landscape_core.connectivity.barrier import barrier
from landscape_core.connectivity.curve_search import compute_connection
from landscape_core.connectivity.paths.base import batches
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.datasets.digits import DEVIATION, MEAN, Digits
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.heavy_ball import HeavyBall

SEEDS = 5
RESULTS = Path(__file__).parent / "results" / "reproductions.md"


class Clipped(Objective):
    """An objective whose gradients are no longer than `most`."""

    def __init__(self, objective, most):
        self.layout, self.examples = objective.layout, objective.examples
        self.start = objective.start
        self._objective, self._most = objective, most

    def loss(self, theta):
        return self._objective.loss(theta)

    def restricted(self, indices):
        return Clipped(self._objective.minibatch(indices), self._most)

    def gradient(self, theta):
        found = self._objective.gradient(theta)
        return found * min(1.0, self._most / max(float(found.norm()), 1e-30))


def digits(architecture, seed, *, points, start=None, spec=False):
    """A network on digits; `start` seeds its start alone, `spec` has the inputs 1.5 (x - 0.3)."""
    part = Digits(points=points).build(seed).train
    drawn = stream(seed if start is None else start, "init")
    inputs = 1.5 * (part.inputs * DEVIATION + MEAN - 0.3) if spec else part.inputs
    network = architecture.build((64,), 10, drawn)
    return ModelObjective(network, CrossEntropy(), inputs.float(), part.targets)


def descent(objective, optimizer, steps, *, batch, seed, cosine=False):
    """Yield the start and the iterate after every step."""
    theta = objective.start
    memory, rate = optimizer.init(theta), getattr(optimizer, "learning_rate", None)
    yield theta
    for k, part in enumerate(islice(batches(objective, batch, seed), steps)):
        if cosine:
            optimizer = optimizer.replace(
                learning_rate=max(1e-5, rate * (1 + np.cos(np.pi * k / steps)) / 2)
            )
        theta, memory = optimizer.step(part, theta, memory)
        yield theta


def last(values):
    """The last of some values."""
    (found,) = deque(values, maxlen=1)
    return found


# Skips and barriers


def skips(seed, *, steps=1500, depth=20):
    """Without and with skips: the loss of one end and the barrier between two."""
    return {
        ("with" if on else "without"): _skips(
            ResidualMLP(depth=depth, width=32, skips=on), seed, steps
        )
        for on in (False, True)
    }


def _skips(architecture, seed, steps):
    rule, ends = HeavyBall(weight_decay=5e-4), []
    for start in (seed, seed + 1000):
        objective = digits(architecture, seed, points=1200, start=start, spec=True)
        path = descent(Clipped(objective, 5.0), rule, steps, batch=64, seed=start, cosine=True)
        ends.append(last(path))
    loss = float(objective.losses(ends[0][None])[0])
    return {"loss": loss, "barrier": straight_barrier(objective, *ends)}


def straight_barrier(objective, first, second):
    """The barrier of the straight line: the excess over the interpolation of the ends' losses."""
    t = torch.linspace(0, 1, 41).to(first)[:, None]
    return float(barrier(objective.losses((1 - t) * first + t * second).double().numpy()))


# Connections (Garipov et al., 2018)


def connected(seed, *, steps=600, bend=1500):
    """The barriers of the straight line and of a Bezier curve between two trained networks."""
    ends = []
    for start in (seed, seed + 1000):
        objective = digits(MLP(width=100), seed, points=1200, start=start)
        ends.append(last(descent(objective, Adam(), steps, batch=128, seed=start)))
    found = last(compute_connection(objective, *ends, path=Bezier(steps=bend), seed=seed))
    return {
        "straight": float(found["straight_barrier"][0]),
        "curve": float(found["barrier"][0]),
        "worst accuracy": float(found["accuracy"][0].min()),
    }


# Reports


WORKS = {
    "skips": skips,
    "connected": connected,
}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=SEEDS)
    options.add_argument("--processes", type=int, default=2)
    chosen, began = options.parse_args(), time.perf_counter()
    found = computed(chosen.seeds, chosen.processes)
    minutes = (time.perf_counter() - began) / 60
    text = told(found, REPORTS, HEAD, chosen.processes, minutes)
    print(text)
    RESULTS.write_text(text)


def computed(seeds, processes):
    """What each work found, by seed; (work, seed) pairs are shared out among processes."""
    spawned = get_context("spawn")
    with ProcessPoolExecutor(processes, spawned, torch.set_num_threads, (1,)) as pool:
        asked = {
            name: [pool.submit(work, seed) for seed in range(seeds)] for name, work in WORKS.items()
        }
        return {name: [future.result() for future in each] for name, each in asked.items()}


def told(found, reports, head, processes, minutes):
    """The whole report."""
    sections = [part for name, report in reports.items() for part in report(found[name])]
    head = head.format(
        seeds=len(next(iter(found.values()))),
        cores=os.cpu_count(),
        processes=processes,
        torch=torch.__version__,
        minutes=minutes,
    )
    lines = ["| claim | status |", "| --- | --- |"]
    lines += [f"| {title} | {verdict} |" for title, verdict, _ in sections]
    return "\n\n".join([head, "\n".join(lines), *(text for *_, text in sections)]) + "\n"


HEAD = """# Claims of papers, tried here

{seeds} seeds each; a seed draws the data, the start, the batches and the directions. {cores}
processors, {processes} processes of one thread; torch {torch}; {minutes:.1f} minutes on a machine
that others used as well. By `benchmarks/reproduce.py`. PASS: the criterion holds on every seed (for
a direction, one-sided sign test p = 1/32 with five). PARTIAL: on all but one. NOT REPRODUCED: on
fewer. Settings were not changed after the numbers of these seeds were seen."""


def status(held):
    """PASS, PARTIAL or NOT REPRODUCED, by whether the criterion held on each seed."""
    missed = len(held) - sum(held)
    return "PASS" if not missed else "PARTIAL" if missed == 1 < len(held) else "NOT REPRODUCED"


def section(title, held, criterion, *parts):
    """The title, the status and the text of a claim."""
    counted = f"**{status(held)}** ({sum(held)} of {len(held)}). Criterion: {criterion}"
    return title, status(held), "\n\n".join([f"## {title}", counted, *parts])


def table(head, rows):
    """A table of rows by seed, numbers to three figures."""
    lines = [["seed", *head], ["---"] * (len(head) + 1)]
    lines += [[str(i), *(shown(value) for value in row)] for i, row in enumerate(rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def pairs(found, name):
    """What was found without and with skips, (seed, 2)."""
    return [[each[side][name] for side in ("without", "with")] for each in found]


def report_skips(found):
    setting = (
        "Residual MLP of 10 blocks (linear, LayerNorm, ReLU, linear, LayerNorm) of width 32 on"
        " 1,200 digits, inputs 1.5 (x - 0.3); momentum 0.9, rate 0.02 along a cosine, 1,500 steps,"
        " batch 64, weight decay 5e-4, gradients clipped at 5."
    )
    barriers, sides = pairs(found, "barrier"), ("without", "with")
    return [
        section(
            "Skips lower the barrier between two minima",
            [bool(off > on) for off, on in barriers],
            "the barrier of the straight line between two starts, same data, is lower with skips."
            " No claim of the paper's.",
            setting,
            table([f"barrier {side}" for side in sides], barriers),
            "A barrier counts from the ends' own losses: where a network has learned little it has"
            " little to lose. Ends, first of each pair:",
            table([f"training loss {side}" for side in sides], pairs(found, "loss")),
        ),
    ]


def report_connections(found):
    setting = (
        "MLP 64-100-100-10, 1,200 digits, two starts on the same data: Adam, 600 steps, batch 128."
        " A quadratic Bezier curve, one trained node, Adam, 1,500 steps; barriers on training data."
    )
    held = [each["straight"] >= 0.2 and each["curve"] < 0.1 * each["straight"] for each in found]
    names = ("straight", "curve", "worst accuracy")
    return [
        section(
            "Minima are joined by simple curves (Garipov et al. 2018)",
            held,
            "the straight line has a barrier of at least 0.2, the curve less than 10 % of it.",
            setting,
            table(
                ["straight barrier", "curve barrier", "lowest accuracy on the curve"],
                [[each[name] for name in names] for each in found],
            ),
        )
    ]


REPORTS = {
    "skips": report_skips,
    "connected": report_connections,
}


if __name__ == "__main__":
    main()
