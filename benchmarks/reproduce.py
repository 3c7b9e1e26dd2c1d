"""What papers claim about loss landscapes, tried at a size for two cores, each over five seeds.

    python benchmarks/reproduce.py [--seeds 5] [--processes 2]

Prints tables and writes them to `benchmarks/results/reproductions.md`. Settings and criteria are
those of the papers or were set before the runs; a claim that does not hold is reported so, with
the numbers. A seed draws the data, the start, the batches and the directions. About six
minutes on two free cores.
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

from landscape_core.analysis.slice_metrics import slice_metrics
from landscape_core.connectivity.barrier import barrier
from landscape_core.connectivity.curve_search import compute_connection
from landscape_core.connectivity.paths.base import batches
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.curvature.sharpness.adaptive_perturbation import AdaptivePerturbation
from landscape_core.curvature.sharpness.adaptive_sharpness import AdaptiveSharpness
from landscape_core.curvature.sharpness.epsilon_sharpness import EpsilonSharpness
from landscape_core.curvature.sharpness.perturbation import Perturbation
from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.datasets.digits import DEVIATION, MEAN, Digits
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import probe
from landscape_core.slices.sweep import exact
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.heavy_ball import HeavyBall

SEEDS = 5
RESULTS = Path(__file__).parent / "results" / "reproductions.md"

SMALL, LARGE = 16, 500
DECAYS = (0.0, 5e-4)

SHARPNESS = {
    "noise": Perturbation(),
    "ε-box": EpsilonSharpness(),
    "adaptive noise": AdaptivePerturbation(),
    "adaptive": AdaptiveSharpness(),
}
"""Of the catalogue; the latter two do not change when a ReLU network is rescaled."""

LINES = {"filter": Random(), "raw": Random(normalization="none", length="unit")}
REACH = {"filter": 4.0, "raw": 80.0}
"""How far along a line the loss is read, in multiples of its direction."""


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


def spanned(objective, theta, rule, seed, dimensions):
    """The plane or line of a rule through theta."""
    return rule.span(Viewpoint(objective, theta, theta[None], seed), dimensions)


# Skips (Li et al., 2018, section 5 and 6)


def skips(seed, *, steps=1500, depth=20, resolution=25):
    """Without and with skips: figures of the slice, barrier of two minima."""
    return {
        ("with" if on else "without"): _skips(
            ResidualMLP(depth=depth, width=32, skips=on), seed, steps, resolution
        )
        for on in (False, True)
    }


def _skips(architecture, seed, steps, resolution):
    rule, ends = HeavyBall(weight_decay=5e-4), []
    for start in (seed, seed + 1000):
        objective = digits(architecture, seed, points=1200, start=start, spec=True)
        path = descent(Clipped(objective, 5.0), rule, steps, batch=64, seed=start, cosine=True)
        ends.append(last(path))
    plane = spanned(objective, ends[0], Random(), seed, 2)
    slice_ = last(exact(probe({"train": objective}, plane, {}), Grid.square(1.0, resolution)))
    found = {"loss": float(objective.losses(ends[0][None])[0])}
    for scale in ("linear", "log"):
        told = slice_metrics(slice_, scale=scale)
        for name in ("roughness", "variation_excess"):
            found[f"{name}, {scale}"] = float(told[name])
    found["barrier"] = straight_barrier(objective, *ends)
    return found


def straight_barrier(objective, first, second):
    """The barrier of the straight line: the excess over the interpolation of the ends' losses."""
    t = torch.linspace(0, 1, 41).to(first)[:, None]
    return float(barrier(objective.losses((1 - t) * first + t * second).double().numpy()))


# Batches (Li et al., 2018, sections 3 and 4; Keskar et al., 2017)


def batch_sizes(seed, *, epochs=(150, 600), decays=DECAYS, lines=10):
    """Widths and sharpness of the minima by (batch, weight decay)."""
    return {
        (batch, decay): _minimum(seed, batch, decay, epoch, lines)
        for batch, epoch in zip((SMALL, LARGE), epochs, strict=True)
        for decay in decays
    }


def _minimum(seed, batch, decay, epochs, lines):
    objective = digits(MLP(width=128), seed, points=1000)
    rule = HeavyBall(weight_decay=decay)
    theta = last(descent(objective, rule, epochs * (1000 // batch), batch=batch, seed=seed))
    found = {"loss": float(objective.losses(theta[None])[0]), "norm": float(theta.norm())}
    for name in LINES:
        found[f"{name} width"] = line_width(objective, theta, name, seed, lines=lines)
    for name, sharpness in SHARPNESS.items():
        found[name] = sharpness.read(objective, theta, seed).value
    return {**found, "sign step": sign_step(objective, theta)}


def sign_step(objective, theta):
    """The rise, in percent, at the ε-box's corner along the gradient: what the box must beat."""
    corner = SHARPNESS["ε-box"].epsilon * (theta.abs() + 1) * objective.gradient(theta).sign()
    here, there = objective.losses(torch.stack([theta, theta + corner])).double().tolist()
    return 100 * (there - here) / (1 + here)


def line_width(objective, theta, name, seed, *, lines=10, rise=0.1):
    """The mean over lines of the smallest t at which the loss has risen by `rise`; NaN: none."""
    found = []
    for i in range(lines):
        plane = spanned(objective, theta, LINES[name], 100 * seed + i, 1)
        grid = Grid(resolution=161, alpha_low=0.0, alpha_high=REACH[name])
        losses = last(exact(probe({"train": objective}, plane, {}), grid))["loss"].values[0]
        over = losses - losses[0] - rise
        if not (over > 0).any():
            return float("nan")
        k = int((over > 0).argmax())
        t = grid.alpha()[k - 1 : k + 1]
        found.append(float(np.interp(0.0, over[k - 1 : k + 1], t)))
    return float(np.mean(found))


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
    "batch_sizes": batch_sizes,
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
        " batch 64, weight decay 5e-4, gradients clipped at 5. Slices: random"
        " filter-normalized plane, ±1."
    )
    names = ("roughness, linear", "variation_excess, linear", "roughness, log", "barrier")
    tables = {name: pairs(found, name) for name in names}
    fell = {name: [bool(off > on) for off, on in rows] for name, rows in tables.items()}
    sides = ("without", "with")
    losses = [[f"training loss {side}" for side in sides], pairs(found, "loss")]
    shapes = [
        [row[k] for name in names[:3] for row in (tables[name][i],) for k in (0, 1)]
        for i in range(len(found))
    ]
    return [
        section(
            "Skips smooth the slice (Li et al. 2018, figure 5)",
            fell["roughness, linear"],
            "roughness of the 25x25 slice, rms distance from the nearest quadratic over the range,"
            " is lower with skips.",
            setting,
            table([f"{n} {s}" for n in names[:3] for s in sides], shapes),
            "Lower with skips on so many seeds: "
            + "; ".join(f"{name} {sum(fell[name])}" for name in names[:3]),
            table(*losses),
        ),
        section(
            "Skips lower the barrier between two minima",
            fell["barrier"],
            "the barrier of the straight line between two starts, same data, is lower with skips."
            " No claim of the paper's.",
            "Setting as above.",
            table([f"barrier {side}" for side in sides], tables["barrier"]),
            "A barrier counts from the ends' own losses: where a network has learned little it has"
            " little to lose. Ends, first of each pair:",
            table(*losses),
        ),
    ]


def report_batches(found):
    setting = (
        f"MLP 64-128-128-10, 1,000 digits, momentum 0.9, rate 0.02; batch {SMALL} for 150 epochs,"
        f" {LARGE} for 600. A width is the mean over 10 lines, along which biases stay, of the"
        " smallest t at which the loss has risen by 0.1: in filter-normalized multiples, or in raw"
        " units of length. Training losses of the two are not matched."
    )
    keys = [(batch, decay) for decay in DECAYS for batch in (SMALL, LARGE)]
    heads = [f"B={batch}, decay {decay:g}" for batch, decay in keys]
    tables = {
        name: [[each[key][name] for key in keys] for each in found] for name in found[0][keys[0]]
    }
    opposed = [
        bool(raw[2] < raw[0] and filtered[2] > filtered[0])
        for raw, filtered in zip(tables["raw width"], tables["filter width"], strict=True)
    ]
    turned = [
        bool(raw[3] > raw[2] and filtered[2] > filtered[3])
        for raw, filtered in zip(tables["raw width"], tables["filter width"], strict=True)
    ]
    ratios = [
        np.mean([row[i] / row[i + 1] for row in tables[name]])
        for name in ("raw width", "filter width")
        for i in (0, 2)
    ]
    agreeing = []
    for name, rows in tables.items():
        if name in ("loss", "norm"):
            continue
        sign = 1 if "width" in name else -1
        calls = [(0, 1), (2, 3), (2, 0), (3, 1)]
        counts = [sum(sign * row[i] > sign * row[j] for row in rows) for i, j in calls]
        agreeing.append([name, *counts])
    missed, every = 0, 0
    for box, corner in zip(tables["ε-box"], tables["sign step"], strict=True):
        missed += sum(a < b for a, b in zip(box, corner, strict=True))
        every += len(box)
    head = ["measure", "B=16, no decay", "B=16, decay", "decay, B=16", "decay, B=500"]
    lines = [head, ["---"] * 5, *([str(v) for v in line] for line in agreeing)]
    verdicts = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    readings = [
        f"{name}:\n\n{table(heads, rows)}" for name, rows in tables.items() if "width" not in name
    ]
    return [
        section(
            "Raw plots turn the comparison of batches around (Li et al. 2018, figure 2)",
            turned,
            "with decay, the raw width is larger for the large batch, the filter-normalized one for"
            " the small. Stated after the runs, from the counts that were planned.",
            setting,
            "On the raw widths below the small batch is the wider by a smaller margin with decay"
            f" (mean ratio {ratios[1]:.2f}) than without ({ratios[0]:.2f}); the filter-normalized"
            f" ratios are {ratios[3]:.2f} and {ratios[2]:.2f}.",
        ),
        section(
            "Raw plots mislead: weight decay looks sharper raw and flatter normalized",
            opposed,
            "for the small batch, decay lowers the raw width and raises the filter-normalized one.",
            "Setting as above.",
            "raw width:\n\n" + table(heads, tables["raw width"]),
            "filter width:\n\n" + table(heads, tables["filter width"]),
            "On how many seeds a measure calls the minimum named flatter: that of the small batch"
            " against the large one, and that with decay against that without. `noise` and `ε-box`"
            " change when a ReLU network is rescaled, the adaptive ones do not.",
            "Normalizing is no one thing: the filter width calls decay flatter where the adaptive"
            " sharpness, invariant as well, may not (last columns). Losses differ, too.",
            verdicts,
            f"`ε-box` is a search for the largest rise in a box; at {missed} of {every} minima it"
            " found less than the one corner `sign step` of that box, where it would be no figure.",
            *readings,
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
    "batch_sizes": report_batches,
    "connected": report_connections,
}


if __name__ == "__main__":
    main()
