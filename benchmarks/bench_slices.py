"""How long slices take, beside a plain loop over their points in the same run.

    python benchmarks/bench_slices.py [threads]

The plain loop is tight: one copy of the network whose parameters are views of one vector, so that a
point costs one vector sum and one forward pass. Times are the best of several.
"""

import copy
import sys
import time

import torch

from landscape_core import seeds
from landscape_core.architectures.mlp import MLP
from landscape_core.architectures.residual_mlp import ResidualMLP
from landscape_core.architectures.resnet import ResNet
from landscape_core.directions.random import Random
from landscape_core.landscape import probe_of
from landscape_core.losses.cross_entropy import CrossEntropy
from landscape_core.normalizations.batch import Batch
from landscape_core.objective import ModelObjective
from landscape_core.slices import Grid, coarse, levels, sweep
from landscape_core.strategies.loop import Loop

CASES = {
    "MLP 2-16-16-2, 300 points": (MLP(), (2,), 2, 300),
    "MLP 2-16-16-2 tanh, 300 points": (MLP(activation="tanh"), (2,), 2, 300),
    "MLP 2-16-16-2 batch norm, 300 points": (MLP(normalization=Batch()), (2,), 2, 300),
    "MLP 64-64-64-64-10, 1200 points": (MLP(depth=3, width=64), (64,), 10, 1200),
    "residual MLP of 20 layers, 300 points": (ResidualMLP(depth=20), (2,), 2, 300),
    "ResNet 8x8, 100 images": (ResNet(), (1, 8, 8), 10, 100),
}


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    print(f"{torch.get_num_threads()} threads; milliseconds for 51x51 points of loss and accuracy")
    print(f"{'':40}{'plain loop':>11}{'loop':>9}{'ours':>9}{'ratio':>7}  strategy")
    for name, case in CASES.items():
        compare(name, *case)
    levels_of_the_live_picture()


def compare(name, architecture, shape, classes, examples):
    objective = objective_of(architecture, shape, classes, examples)
    read = probe_of({"train": objective}, Random())
    grid = Grid()
    alpha, beta = (torch.from_numpy(side) for side in (grid.alpha(), grid.beta()))
    coords = torch.cartesian_prod(alpha, beta).float()
    measures = list(read.measures.values())
    plain, loop, ours = best(
        lambda: plain_loop(objective, read.plane, coords),
        lambda: Loop().reader(objective, read.plane, measures)(coords),
        lambda: list(sweep(read, grid)),
    )
    strategy = read.strategies["train"]
    print(f"{name:40}{plain:11.1f}{loop:9.1f}{ours:9.1f}{plain / ours:7.1f}  {strategy}")


def levels_of_the_live_picture():
    objective = objective_of(MLP(), (2,), 2, 300)
    read, grid = probe_of({"train": objective}, Random()), Grid()
    print("one picture of the MLP 2-16-16-2: points computed, the rest interpolated to 51x51")
    for level, count in enumerate(levels(grid)):
        (spent,) = best(lambda level=level: coarse(read, grid, level), runs=15)
        print(f"{count:8} points {spent:8.2f} ms {1000 / spent:8.0f} a second")


def objective_of(architecture, shape, classes, examples):
    rng = seeds.stream(0, "benchmark")
    network = architecture.build(shape, classes, rng)
    inputs = torch.randn(examples, *shape, generator=rng)
    targets = torch.randint(classes, (examples,), generator=rng)
    return ModelObjective(network, CrossEntropy(), inputs, targets)


def plain_loop(objective, plane, coords):
    network = copy.deepcopy(objective.module).eval()
    flat = torch.empty_like(plane.origin)
    parameters = dict(network.named_parameters())
    for block in objective.layout.blocks:
        parameters[block.name].data = block.of(flat)
    values = []
    with torch.no_grad():
        for coord in coords:
            torch.add(plane.origin, coord @ plane.axes, out=flat)
            outputs = network(objective.inputs)
            loss = torch.nn.functional.cross_entropy(outputs, objective.targets)
            right = (outputs.argmax(1) == objective.targets).float().mean()
            values.append((float(loss), float(right)))
    return values


def best(*calls, runs=3):
    """The shortest time of each call in milliseconds; in turns, as the machine is shared."""
    spent = [[] for _ in calls]
    for _ in range(runs):
        for call, times in zip(calls, spent, strict=True):
            began = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - began))
    return [min(times) for times in spent]


if __name__ == "__main__":
    main()
