"""How fast slices are, how true, and beside what: a plain loop, the published tools, the machine.

    python benchmarks/bench_slices.py [--peers no] [--dask no]

Prints tables and writes them to `benchmarks/results/slices.md`. The plain loop is tight: one copy
of the network whose parameters are views of one vector, so that a point costs one vector sum and
one forward pass with `cross_entropy`. It, ours and the tools run with the same weights, directions,
threads and allocator settings; times are the best of several, taken in turns, and the numbers are
compared before any is printed. A quarter of an hour, or more where the machine is slow.
"""

import argparse
import copy
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).resolve().parent))

from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.resnet import ResNet
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.slices.adaptive import refine
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.sweep import exact
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage.store import Store
from peers.agreement import disagreement
from peers.check import digit_images, digits, example, moons, train
from peers.run import Failed, measure, surroundings

THREADS = 2
PLANES = 20
RESULTS = Path(__file__).parent / "results" / "slices.md"

WORKS = {
    "MLP 2-16-16-2, 300 points, 51x51": ("tiny-relu", moons, 51),
    "MLP 64-64-64-10, digits, 51x51": ("mlp", digits, 51),
    "conv net, digits 1x8x8, 25x25": ("conv", digit_images, 25),
}

ROUGH = {
    "MLP of 8 layers, digits, 51x51": (MLP(depth=8, width=32), digits, 51, 1797),
    "MLP of 20 layers, digits, 51x51": (MLP(depth=20, width=32), digits, 51, 1797),
    "conv net of 20 layers without skips, 64 digits, 25x25": (
        ResNet(depth=18, skips=False),
        digit_images,
        25,
        64,
    ),
}
"""Networks whose landscapes are chaotic: deep, without skips (Li et al., 2018, section 5.1)."""


class Work:
    """A network, its data and the grid of its slice."""

    def __init__(self, network, inputs, targets, steps):
        self.network, self.inputs, self.targets = network, inputs, targets
        self.grid = Grid.square(1.0, steps)
        self.objective = ModelObjective(network, CrossEntropy(), inputs, targets)

    def probe(self, seed=0, strategy=None):
        return probe_of({"train": self.objective}, Random(), {}, seed=seed, strategy=strategy)

    def plain_loop(self, plane):
        """The losses (beta, alpha) by the loop that a careful person writes by hand."""
        network = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        flat = torch.empty_like(plane.origin)
        parameters = dict(network.named_parameters())
        for block in self.objective.layout.blocks:
            parameters[block.name].data = block.of(flat)
        beta, alpha = (
            torch.from_numpy(side()).float() for side in (self.grid.beta, self.grid.alpha)
        )
        coords = torch.cartesian_prod(beta, alpha).flip(1)
        found = torch.empty(len(coords))
        with torch.no_grad():
            for k in range(len(coords)):
                torch.add(plane.origin, coords[k] @ plane.axes, out=flat)
                found[k] = cross_entropy(network(self.inputs), self.targets)
        return found.view(len(beta), len(alpha)).numpy()

    def operations(self):
        """Floating-point operations of an MLP's exact slice after its first layer's algebra."""
        shapes = [p.shape for p in self.network.parameters() if p.ndim == 2]
        behind = sum(2 * rows * columns for rows, columns in shapes[1:])
        return self.grid.resolution**2 * len(self.inputs) * (behind + 2 * 3 * shapes[0][0])


def shared_works():
    """The works that the published tools do as well, with what is asked of those."""
    asked = {name: example(model, *data(), steps) for name, (model, data, steps) in WORKS.items()}
    works = {n: Work(w.network(), w.inputs, w.targets, w.steps) for n, w in asked.items()}
    return works, asked


def rough_works():
    """Deep networks without skips, as they start and briefly trained."""
    for name, (architecture, data, steps, examples) in ROUGH.items():
        inputs, targets = (part[:examples] for part in data())
        network = architecture.build(tuple(inputs.shape[1:]), 10, stream(0, "benchmark"))
        yield f"{name}, as it starts", Work(network, inputs, targets, steps)
        network = copy.deepcopy(network)
        train(network, inputs, targets)
        yield f"{name}, trained", Work(network, inputs, targets, steps)


def main():
    if os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:
        os.execve(sys.executable, [sys.executable, *sys.argv], surroundings(THREADS))
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for part in ("peers", "dask"):
        options.add_argument(f"--{part}", choices=("yes", "no"), default="yes")
    chosen = options.parse_args()
    torch.set_num_threads(THREADS)
    works, asked = shared_works()
    sections = [introduction(), exactly(works), to_a_tolerance(works), again(works)]
    if chosen.dask == "yes":
        sections.append(on_workers(works))
    if chosen.peers == "yes":
        sections.append(beside_peers(works, asked))
    if torch.cuda.is_available():
        sections.append(on_a_card(works))
    RESULTS.write_text("\n\n".join(sections) + "\n")


def introduction():
    kind = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    lines = [f"{os.cpu_count()} processors, {THREADS} threads, {kind}; torch {torch.__version__}."]
    return show("# Slices: speed and truth\n\n" + "\n".join(lines))


def exactly(works):
    rows = []
    for name, work in works.items():
        read = work.probe()
        loop, ours = work.plain_loop(read.plane), last(exact(read, work.grid))
        apart = np.abs(ours / loop - 1).max()
        if apart > 1e-5:
            raise AssertionError(f"{name}: ours and the loop differ by {apart:.1e}")
        as_long = products_as_long_as(lambda read=read, work=work: last(exact(read, work.grid)))
        spent = in_turns(
            lambda work=work, read=read: work.plain_loop(read.plane),
            lambda work=work, read=read: last(exact(read, work.grid)),
            lambda work=work: landscape(
                work.network,
                cross_entropy,
                (work.inputs, work.targets),
                measures={},
                resolution=work.grid.resolution,
            ),
            lambda as_long=as_long: matrix_products(as_long),
        )
        rate = work.operations() / (as_long * 2 * 1024**3)
        plain, here, whole, products = (min(times) for times in spent)
        usual = [np.median(times) for times in spent]
        strategy = next(iter(read.strategies.values()))
        shares = (rate * products / here, rate * usual[3] / usual[1])
        share = " / ".join(f"{share:.0%}" for share in shares) if "MLP" in name else ""
        rows.append(
            f"| {name} | {1e3 * plain:.1f} | {1e3 * here:.1f} "
            f"| {plain / here:.2f} / {usual[0] / usual[1]:.2f} | {plain / whole:.2f} "
            f"| {type(strategy).__name__} | {share} | {apart:.0e} |"
        )
    head = """## Exact

Milliseconds for the whole grid, and how many times faster than the loop: the slice itself, and the
one call `landscape(...)` with its copies and its trial. `rate` is the share of the machine's
float32 matrix-product rate (1024 x 1024, in turns with the slice and for as long, as a shared
machine is faster for a moment than for a while) by the operations left after the first layer's
algebra; `apart` the largest relative difference from the loop. Where there are two numbers, the
first is by the best times, the second by medians.

| work | loop, ms | ours, ms | faster | faster, whole call | strategy | rate | apart |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
    return show(head + "\n".join(rows))


def to_a_tolerance(works):
    rows = [
        f"| {name} | {scale} {row}"
        for name, work in chain(works.items(), rough_works())
        for scale, row in tolerance_rows(work).items()
    ]
    head = f"""## To 1 % of the displayed range

{PLANES} random planes of each; the first three networks are trained. Fewer evaluations and less
time than our own exact slice of the same planes (sums); the true maximum error against it, as a
share of the displayed range; on how many planes it is within the tolerance, and within the estimate
that the slice states.

| work | scale | fewer | faster | error, median | largest | within | within estimate |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
    return show(head + "\n".join(rows))


def tolerance_rows(work):
    strategy = next(iter(work.probe().strategies.values()))
    found = {"linear": [], "log": []}
    last(exact(work.probe(0, strategy), work.grid))  # the first time loads libraries
    for seed in range(PLANES):
        read = work.probe(seed, strategy)
        whole, full = timed(lambda read=read: last(exact(read, work.grid)))
        for scale, table in found.items():
            asked = Tolerance(relative_tolerance=0.01, scale=scale)
            part, slice_ = timed(
                lambda read=read, asked=asked: list(refine(read, work.grid, asked))[-1]
            )
            table.append((part, whole, *errors(slice_, full, scale)))
    return {scale: tolerance_row(np.array(table).T) for scale, table in found.items()}


def errors(slice_, full, scale):
    """The share computed, the largest error as a share of the range, and the one stated."""
    shown = slice_["loss"].values[0]
    if scale == "log":
        full, shown = np.log10(full), np.log10(shown)
    share = float(slice_["computed"].mean())
    return share, np.abs(shown - full).max() / np.ptp(full), slice_.attrs["estimated_error"]


def tolerance_row(table):
    part, whole, share, error, stated = table
    within, honest = int((error <= 0.01).sum()), int((error <= stated).sum())
    return (
        f"| {1 / share.mean():.1f} | {whole.sum() / part.sum():.1f} | {np.median(error):.2%} "
        f"| {error.max():.2%} | {within}/{PLANES} | {honest}/{PLANES} |"
    )


def again(works):
    rows = []
    for name, work in works.items():
        read = work.probe()
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))

            def ask(read=read, work=work, store=store):
                return last(compute_slice(read, work.grid, store=store))

            spent, _ = timed(ask)
            (second,) = best(ask)
        rows.append(f"| {name} | {1e3 * spent:.0f} | {1e3 * second:.1f} |")
    head = """## Asked again

Milliseconds of the first time, with keeping it, and from disk, with making its key from weights,
directions and data.

| work | first | again |
| --- | --- | --- |
"""
    return show(head + "\n".join(rows))


def on_workers(works):
    """Two local workers of one thread each beside one."""
    from landscape_core.slices.backends.dask import Dask, local_cluster

    work = works["conv net, digits 1x8x8, 25x25"]
    read = work.probe()
    seconds = {}
    for workers in (1, 2):
        with local_cluster(workers) as address:
            backend = Dask(scheduler=address)

            def slice_(backend=backend):
                return last(compute_slice(read, work.grid, backend=backend))

            apart = np.abs(slice_() / last(exact(read, work.grid)) - 1).max()
            if apart > 1e-5:
                raise AssertionError(f"workers and this process differ by {apart:.1e}")
            (seconds[workers],) = best(slice_)
    plain = {count: plain_processes(read, work.grid, count) for count in (1, 2)}
    return show(
        "## On dask workers\n\nThe conv net's exact slice on running local workers of one thread "
        f"each, with sending\ndata and weights: one worker {seconds[1]:.2f} s, two "
        f"{seconds[2]:.2f} s, {seconds[1] / seconds[2]:.2f} times faster. What the machine\n"
        f"gives: one plain process of one thread takes {plain[1]:.2f} s for the slice; two at "
        f"once, each for a\nslice of its own, {plain[2]:.2f} s, which is "
        f"{2 * plain[1] / plain[2]:.2f} times the work."
    )


def plain_processes(read, grid, count):
    """Seconds that so many processes of one thread take, each for the whole slice, all at once."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, initializer=alone) as pool:

        def all_at_once():
            asked = [pool.submit(whole_slice, read, grid) for _ in range(count)]
            return [one.result() for one in asked]

        (spent,) = best(all_at_once, runs=3)
    return spent


def whole_slice(read, grid):
    """The exact slice, where this is called."""
    return last(exact(read, grid))


def alone():
    """Use one thread, whatever the environment says."""
    torch.set_num_threads(1)


def beside_peers(works, asked):
    rows = []
    for name, work in works.items():
        read = work.probe()
        (ours,) = best(lambda read=read, work=work: last(exact(read, work.grid)))
        rate = work.grid.resolution**2 / ours
        rows.append(f"| {name} | ours | {1e3 * ours:.0f} | {rate:.0f} | 1.0 | | |")
        for peer in measure(asked[name]):
            if isinstance(peer, Failed):
                rows.append(f"| {name} | {peer.package} | {peer.reason} | | | | |")
                continue
            found = peer.evaluation
            claimed, visited = disagreement(asked[name], found, every=11)
            if visited > 1e-4:
                raise AssertionError(f"{peer.package} is off by {visited:.1e} where it goes")
            theirs = found.values.size / found.seconds
            rows.append(
                f"| {name} | {peer.package} {peer.version} | {1e3 * found.seconds:.0f} "
                f"| {theirs:.0f} | {rate / theirs:.1f} | {claimed:.0e} | {visited:.0e} |"
            )
    head = """## Beside the published tools

Unmodified, each in its own environment and process. Values a second, how many times more of them
ours gives, and the largest relative error against float64 at the coordinates that a tool states and
at those that it visits.

| work | tool | ms | values/s | ours faster | error, stated | error, visited |
| --- | --- | --- | --- | --- | --- | --- |
"""
    return show(head + "\n".join(rows))


def on_a_card(works):
    rows = []
    for name, work in works.items():
        part = work.objective.to("cuda")
        read = probe_of({"train": part}, Random(), {})
        (spent,) = best(lambda read=read, work=work: last(exact(read, work.grid)), runs=5)
        strategy = type(next(iter(read.strategies.values()))).__name__
        rows.append(f"| {name} | {1e3 * spent:.1f} | {strategy} |")
    rng = stream(0, "benchmark")
    network = ResNet(depth=18, channels=16).build((3, 32, 32), 10, rng)
    inputs = torch.randn(50_000, 3, 32, 32, generator=rng).cuda()
    targets = torch.randint(10, (50_000,), generator=rng).cuda()
    part = ModelObjective(network.cuda(), CrossEntropy(), inputs, targets)
    read = probe_of({"train": part}, Random(), {})
    few = Grid.square(1.0, 5)
    (spent,) = best(lambda: last(exact(read, few)), runs=2)
    seconds = spent / 25 * 51**2
    rows.append(
        f"| residual net of 20 layers, 50,000 images 3x32x32, 51x51, by 25 of its points "
        f"| {1e3 * seconds:.0f} | {type(read.strategies['train']).__name__} |"
    )
    head = "## On a graphics card\n\n| work | ms | strategy |\n| --- | --- | --- |\n"
    return show(head + "\n".join(rows))


def last(datasets):
    """The losses (beta, alpha) of the last of some datasets."""
    *_, dataset = datasets
    return dataset["loss"].values[0]


def matrix_products(count):
    """Products of 1024 x 1024 in float32; their operands are made once."""
    for _ in range(count):
        torch.mm(*OPERANDS[:2], out=OPERANDS[2])


def products_as_long_as(call):
    """How many of these products take as long as a call."""
    (one, spent) = best(lambda: matrix_products(1), call, runs=2)
    return max(1, round(spent / one))


OPERANDS = [torch.ones(1024, 1024) for _ in range(3)]


def timed(call):
    began = time.perf_counter()
    found = call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began, found


def best(*calls, runs=5):
    """The shortest time of each call in seconds."""
    return [min(times) for times in in_turns(*calls, runs=runs)]


def in_turns(*calls, runs=5):
    """The times of each call in seconds, two at a time in turns, as the machine is shared."""
    spent = [[] for _ in calls]
    for _ in range(runs):
        for call, times in zip(calls, spent, strict=True):
            times += [timed(call)[0] for _ in range(2)]
    return spent


def show(text):
    print(text + "\n", flush=True)
    return text


if __name__ == "__main__":
    main()
