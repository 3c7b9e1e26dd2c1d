"""Slices of a recurrent network and of a physics-informed one, beside the published tools.

    python benchmarks/bench_networks.py

Prints a table and writes it to `benchmarks/results/networks.md`. An LSTM over the rows of digits,
and the residual of Poisson's equation, whose forward pass differentiates by its inputs: ours by
`landscape(...)`, copies, trial and checks included, a tight loop over the user's own module, and
each tool in its own environment, on the same weights, directions and threads. Every tool is
compared with a float64 loop at the points that it visits before a number is printed.
"""

import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from landscape_core.planes.plane import Plane
from landscape_core.slices.one_call import landscape
from peers.agreement import disagreement, plain_loop
from peers.check import collocation, digit_rows, example
from peers.run import Failed, measure, surroundings
from peers.work import Work, lattice

THREADS = 2
ROUNDS = 3
RESULTS = Path(__file__).parent / "results" / "networks.md"

WORKS = {
    "LSTM, digits as 8 rows, 31x31": ("lstm", digit_rows, 31, "cross-entropy"),
    "PINN, 257 points, 51x51": ("pinn", collocation, 51, "squared error"),
}


def main():
    if os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:
        os.execve(sys.executable, [sys.executable, *sys.argv], surroundings(THREADS))
    torch.set_num_threads(THREADS)
    rows = []
    for name, (model, data, steps, loss) in WORKS.items():
        rows += compared(name, example(model, *data(), steps, loss=loss))
    head = f"""# A recurrent and a physics-informed network

{os.cpu_count()} processors, {THREADS} threads; torch {torch.__version__}. Best and median of
{ROUNDS} rounds, for the tools the best. `ours` is the whole call `landscape(...)`; `rate`: values a
second relative to the tight loop; errors are the largest relative ones against float64, at the
coordinates that a tool states and at those that it visits.

| work | tool | best, s | median, s | rate | error, stated | error, visited |
| --- | --- | --- | --- | --- | --- | --- |
"""
    RESULTS.write_text(head + "\n".join(rows) + "\n")
    print(RESULTS.read_text())


def compared(name: str, work: Work) -> list[str]:
    """The rows of one network: ours, the loop and each tool."""
    times: dict[str, list[float]] = {"tight loop": [], "ours": []}
    values = {}
    for _ in range(ROUNDS):
        for who, call in (("tight loop", tight_loop), ("ours", ours)):
            began = time.perf_counter()
            values[who] = call(work)
            times[who].append(time.perf_counter() - began)
    count, rows = work.steps**2, []
    unit = count / min(times["tight loop"])
    truth = plain_loop(work, work.axes(), points(work)).reshape(work.steps, work.steps)
    for who, spent in times.items():
        apart = np.abs(values[who] / truth - 1).max()
        if apart > 1e-4:
            raise AssertionError(f"{name}, {who}: off by {apart:.1e}")
        rate = count / min(spent) / unit
        middle = statistics.median(spent)
        rows.append(
            f"| {name} | {who} | {min(spent):.2f} | {middle:.2f} | {rate:.2f} "
            f"| {apart:.0e} | {apart:.0e} |"
        )
    return rows + [by_tool(name, work, found, unit) for found in measure(work)]


def by_tool(name: str, work: Work, found, unit: float) -> str:
    tool = f"{found.package} {found.version}"
    if isinstance(found, Failed):
        return f"| {name} | {tool} | {found.reason} | | | | |"
    claimed, visited = disagreement(work, found.evaluation, every=7)
    if visited > 1e-4:
        raise AssertionError(f"{name}, {tool}: off by {visited:.1e} where it goes")
    seconds = found.evaluation.seconds
    rate = found.evaluation.values.size / seconds / unit
    return f"| {name} | {tool} | {seconds:.2f} | | {rate:.2f} | {claimed:.0e} | {visited:.0e} |"


def points(work: Work) -> np.ndarray:
    """Coordinates (K, 2) in the order of the values (alpha, beta)."""
    return lattice(work.ticks(), work.ticks()).reshape(2, -1).T


def ours(work: Work) -> np.ndarray:
    """The losses (alpha, beta) by the one call on the user's own module."""
    network = work.network()
    origin = torch.cat([p.detach().reshape(-1) for p in network.parameters()])
    axes = torch.from_numpy(work.axes()).float()
    plane = Plane(origin, axes, names=("first", "second"))
    found = landscape(
        network,
        work.mean_loss,
        (work.inputs, work.targets),
        directions=plane,
        measures={},
        resolution=work.steps,
        span=work.span,
    )
    return found["loss"].values[0].T


@torch.no_grad()
def tight_loop(work: Work) -> np.ndarray:
    """The losses (alpha, beta): parameters in place, one forward pass a point."""
    network = work.network()
    origin = [p.detach().clone() for p in network.parameters()]
    found = []
    for alpha, beta in points(work).astype(np.float32):
        for p, o, one, two in zip(network.parameters(), origin, *work.directions, strict=True):
            p.copy_(o + float(alpha) * one + float(beta) * two)
        found.append(work.mean_loss(network(work.inputs), work.targets).item())
    return np.array(found).reshape(work.steps, work.steps)


if __name__ == "__main__":
    main()
