"""How fast slices of convolutional networks are, beside a tight loop, in one call.

    python benchmarks/bench_convolutional.py [--side 51] [--runs 6] [--threads 2]

Residual networks of 8 layers with batch normalization on 256 images 3x16x16, and two networks in
which no strategy helps. The loop is that of `bench_slices.py`; it and `landscape(...)` run in
turns.
Everything is measured twice: with the allocator of the C library as it is, which may hand a layer's
memory back after every pass, and told to keep it. Prints a table and writes it to
`benchmarks/results/convolutional.md`. About ten minutes with 51 points a side; a quarter of the
time with `--side 25`. Of smaller grids the trial and the checks take a larger part.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_slices import Work, last, timed
from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.resnet import ResNet
from landscape_core.slices.one_call import landscape
from landscape_core.slices.spot_checks import spot_check
from landscape_core.slices.sweep import exact
from peers.check import digit_images, example
from peers.run import surroundings

RESULTS = Path(__file__).parent / "results" / "convolutional.md"

ALLOCATORS = {"as it is": False, "keeps memory": True}

HEAD = """# Slices of convolutional networks

{} processors, {} threads, torch {}; {} pairs of runs.

Milliseconds a point of the tight loop, and how many times faster than it the one call is, with its
copies, trial and checks: by the best times, and the median of the pairs. Then the parts of the
call, in points of the loop: `trial` is everything before the first point, `checks` the comparison
with the plain evaluation, `points` the grid itself, in pairs as well. `apart` is the largest
relative difference from the loop.

| allocator | network | grid | loop, ms | faster | strategy | trial | checks | points | apart |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def works(side):
    """The networks, by name, with their data and grids."""
    for width in (8, 16):
        rng = stream(0, "benchmark")
        network = ResNet(depth=6, channels=width).build((3, 16, 16), 10, rng).eval()
        inputs = torch.randn(256, 3, 16, 16, generator=rng)
        targets = torch.randint(10, (256,), generator=rng)
        yield f"residual, batch norm, width {width}", Work(network, inputs, targets, side)
    asked = example("conv", *digit_images(), 15)
    yield (
        "conv net, digits 1x8x8",
        Work(asked.network(), asked.inputs, asked.targets, min(side, 15)),
    )
    rng = stream(0, "benchmark")
    network = nn.Sequential(nn.Linear(64, 512), nn.GELU(), nn.LayerNorm(512), nn.Linear(512, 10))
    targets = torch.randint(10, (2000,), generator=rng)
    inputs = torch.randn(2000, 64, generator=rng)
    yield "MLP 64-512-10 with LayerNorm", Work(network, inputs, targets, min(side, 15))


def in_pairs(one, other, runs):
    """The seconds that two calls take, each run one right after the other, in changing order."""
    spent = []
    for run in range(runs):
        order = (one, other) if run % 2 == 0 else (other, one)
        times = [timed(call)[0] for call in order]
        spent.append(times if run % 2 == 0 else times[::-1])
    return np.array(spent).T


def row(name, work, runs):
    """One network's numbers."""
    read = work.probe()
    data = work.inputs, work.targets

    def call():
        return landscape(
            work.network, cross_entropy, data, measures={}, resolution=work.grid.resolution
        )

    *_, dataset = exact(read, work.grid)

    def checks():
        spot_check(read, dataset)

    def loop_alone():
        return work.plain_loop(read.plane)

    loop, ours = in_pairs(loop_alone, call, runs)
    apart = np.abs(last([dataset]) / work.plain_loop(read.plane) - 1).max()
    point = loop.min() / work.grid.resolution**2
    parts = [min(timed(part)[0] for _ in range(2)) / point for part in (work.probe, checks)]
    again, points = in_pairs(loop_alone, lambda: last(exact(read, work.grid)), runs)
    parts.append(np.median(points / again) * work.grid.resolution**2)
    strategy = type(next(iter(read.strategies.values()))).__name__
    faster = f"{loop.min() / ours.min():.2f} / {np.median(loop / ours):.2f}"
    told = " | ".join(f"{part:.1f}" for part in parts)
    return (
        f"{name} | {work.grid.resolution}x{work.grid.resolution} | {1e3 * point:.2f} | {faster} "
        f"| {strategy} | {told} | {apart:.0e} |"
    )


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("side", 51), ("runs", 6), ("threads", 2)):
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--here", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.here:
        for name, work in works(chosen.side):
            print(f"| {chosen.here} | {row(name, work, chosen.runs)}", flush=True)
        return
    lines = []
    for name, keeps in ALLOCATORS.items():
        around = surroundings(chosen.threads)
        if not keeps:
            around = {key: v for key, v in around.items() if not key.startswith("MALLOC_")}
        command = [sys.executable, __file__, *sys.argv[1:], "--here", name]
        with subprocess.Popen(command, env=around, stdout=subprocess.PIPE, text=True) as work:
            for line in work.stdout:
                print(line.strip(), flush=True)
                lines.append(line.strip())
        if work.returncode:
            raise SystemExit(work.returncode)
    head = HEAD.format(os.cpu_count(), chosen.threads, torch.__version__, chosen.runs)
    RESULTS.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
