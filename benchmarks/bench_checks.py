"""What the checks of a slice cost: the trace before a strategy, the points computed once more.

    python benchmarks/bench_checks.py

Prints a table and writes it to `benchmarks/results/checks.md`. Each row times, in turns, the exact
slice without any check, the trace, the spot check of the finished slice as it follows a trial, and
the check of a kept slice by a process that has not seen it. Best and median of several.
"""

import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_slices import Work, last, shared_works
from landscape_core.planes.directions.random import Random
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.spot_checks import spot_check
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.sweep import exact
from landscape_core.storage.store import Store

RUNS = 9
RESULTS = Path(__file__).parent / "results" / "checks.md"


def many_digits():
    """A convolutional network on so many digits that a point takes half a second or so."""
    work = shared_works()[0]["conv net, digits 1x8x8, 25x25"]
    return Work(work.network, work.inputs.repeat(25, 1, 1, 1), work.targets.repeat(25), 25)


def works():
    """The works of the other benchmark, and a line through a slow network."""
    yield from ((name, work, 2) for name, work in shared_works()[0].items())
    yield "line of 25 points, conv net, 45,000 digits", many_digits(), 1


def kept(read, slice_):
    """Check one point, as of a slice that the store has."""
    spot_check(read.plainly(), slice_, most=1, even_plain=True)


def timed(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measured(work, dimensions):
    """Seconds of the slice, the trace, the spot check and the check of a kept slice, by runs."""
    found = {"slice": [], "trace": [], "spots": [], "kept": []}
    part = {"train": work.objective}
    runs = 1 if dimensions == 1 else RUNS
    for _ in range(runs):
        read = probe_of(part, Random(), {}, dimensions=dimensions)
        strategy = next(iter(read.used.values()))
        found["slice"].append(timed(lambda read=read: last(exact(read, work.grid))))
        *_, slice_ = exact(read, work.grid)
        theta = read.plane.origin
        network = Loop().evaluation(read.reading("train"))
        plain = Loop().evaluation(read.reading("train"))
        plain.trace(theta)
        once = timed(lambda plain=plain, theta=theta: plain.loss(theta))
        traced = timed(lambda network=network, theta=theta: network.trace(theta))
        found["trace"].append(max(0.0, traced))
        found["spots"].append(timed(lambda read=read, slice_=slice_: spot_check(read, slice_)))
        checked = spot_check(read, slice_).points
        with tempfile.TemporaryDirectory() as folder:
            last(compute_slice(read, work.grid, store=Store(Path(folder))))
            known = probe_of(part, Random(), {}, dimensions=dimensions)
            found["kept"].append(timed(partial(kept, known, slice_)))
    return found, type(strategy).__name__, checked, once


def row(name, work, dimensions):
    found, strategy, checked, once = measured(work, dimensions)
    whole = statistics.median(found["slice"])
    added = [a + b for a, b in zip(found["trace"], found["spots"], strict=True)]
    best, median = min(added), statistics.median(added)
    kept = statistics.median(found["kept"])
    return (
        f"| {name} | {strategy} | {1e3 * whole:.1f} | {1e3 * once:.3g} | {checked} | "
        f"{1e3 * best:.2f} / {1e3 * median:.2f} | {median / whole:.1%} | {1e3 * kept:.2f} |"
    )


def main():
    """Measure, print and write."""
    torch.set_num_threads(2)
    rows = [row(*one) for one in works()]
    head = (
        "# What the checks of a slice cost\n\n"
        f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; milliseconds, best / "
        f"median of {RUNS} (one run of the slow line).\n\n"
        "| work | strategy | exact slice | a plain point | points checked | trace and spot check |"
        " of the slice | check of a kept slice |\n|---|---|---|---|---|---|---|---|\n"
    )
    text = head + "\n".join(rows) + "\n"
    print(text)
    RESULTS.write_text(text)


if __name__ == "__main__":
    main()
