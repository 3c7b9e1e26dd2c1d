"""Curvature beside PyHessian and curvlinops, and what watching it costs a run.

    python benchmarks/bench_curvature.py [--works mlp conv] [--rounds 3] [--authors FOLDER]

Prints tables and writes them to `benchmarks/results/curvature.md`. All in float32 on a CPU with
the same weights, data and threads, each tool in a process of its own; in turns, the best counts.
A tool that cannot do a task has a row with the reason. The folder is a checkout of
github.com/tomgoldstein/loss-landscape, whose normalization is then compared too. About eight
minutes on two free cores.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers.curvature_tasks import THREADS, Tasks, UnableError, ask, perform

SEEDS = 8
TRACE = 0.05
"""The standard error that is asked of a trace, relative to it."""

PROBES = 64
"""From which the variance of a single probe of a trace is estimated."""

LONG = 20.0
"""Seconds of a task after which no further round of it begins."""

RESULTS = Path(__file__).parent / "results" / "curvature.md"


@dataclass(frozen=True)
class Effort:
    """How well a work's references are known, and the probes and steps of its densities.

    Args:
        dtype: of the references of trace and density; those of eigenvalues are in float64.
        tolerance: of the trace's standard error.
        sketch: dimensions of the subspace whose trace is exact.
        most: probes of the trace.
        spread: probes and steps of the density.
        densities: pairs of probes and steps, ours and theirs.
    """

    dtype: torch.dtype
    tolerance: float
    sketch: int
    most: int
    spread: tuple[int, int]
    densities: tuple


EFFORTS = {
    "mlp": Effort(
        dtype=torch.float64,
        tolerance=0.005,
        sketch=64,
        most=400,
        spread=(30, 60),
        densities=(((2, 25), (1, 100)), ((10, 60), (10, 60))),
    ),
    # A product in float64 takes eight times as long: torch has fast convolutions for float32 alone.
    "conv": Effort(
        dtype=torch.float32,
        tolerance=0.01,
        sketch=32,
        most=128,
        spread=(10, 50),
        densities=(((2, 25), (1, 100)), ((4, 40), (4, 40))),
    ),
}


def reason(done):
    """Why a process that did not end well did not."""
    said = done.stderr.strip()
    if "can't allocate memory" in said or "MemoryError" in said:
        return f"out of memory at {MEMORY} GiB"
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}"
    return said.splitlines()[-1] if said else f"ended with code {done.returncode}"


def ours(objective):
    """Our own tasks, each with its own graph, as the tools make theirs."""
    from landscape_core.curvature.density import density
    from landscape_core.curvature.eigenpairs import eigenpairs
    from landscape_core.curvature.matrices.hessian import Hessian
    from landscape_core.curvature.trace import trace

    def made():
        return Hessian().at(objective, objective.start)

    def eigenvalues(tolerance):
        found = eigenpairs(made(), 5, tolerance=tolerance)
        return found.values, found.vectors, found.matvecs

    def spread(probes, steps):
        found = density(made(), probes=probes, steps=steps)
        return found.nodes, found.weights

    return Tasks(eigenvalues, lambda seed: trace(made(), tolerance=TRACE, seed=seed), spread)


def main():
    from peers import cross_check
    from peers.check import digit_images, digits, example
    from peers.environments import Peer
    from peers.run import surroundings

    if os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:
        os.execve(sys.executable, [sys.executable, *sys.argv], surroundings(THREADS))
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--works", nargs="+", default=["mlp", "conv"])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--authors", help="a checkout of github.com/tomgoldstein/loss-landscape")
    chosen = options.parse_args()
    torch.set_num_threads(THREADS)
    needs = ("backpack-for-pytorch", "einops", "einconv", "linear_operator", "opt-einsum")
    peers = [
        Peer(package="pyhessian", version="0.1", module="pyhessian"),
        Peer(
            package="curvlinops-for-pytorch",
            version="3.0.1",
            module="curvlinops",
            needs=(*needs, "jaxtyping", "unfoldNd"),
        ),
    ]
    data = {"mlp": digits, "conv": digit_images}
    sections = [
        f"# Curvature beside the published tools\n\n{os.cpu_count()} processors, {THREADS} threads;"
        f" torch {torch.__version__}; float32; load at the start {os.getloadavg()[0]:.1f}."
    ]
    for name in chosen.works:
        work = example(name, *data[name](), 3)
        rows = beside(work, *peers, EFFORTS[name], chosen.rounds)
        head = (
            f"## {name}\n\n| task | tool | ms | times ours | products | accuracy |\n"
            "| --- | --- | --- | --- | --- | --- |\n"
        )
        sections.append(head + "\n".join(rows))
        print(sections[-1], flush=True)
    for section in (lambda: cross_check.section(*peers, chosen.authors), watching):
        sections.append(section())
        print(sections[-1], flush=True)
    RESULTS.write_text("\n\n".join(sections) + "\n")


def beside(work, pyhessian, curvlinops, effort, rounds):  # noqa: C901 - one table, by closures
    from landscape_core.curvature.density import density, smoothed
    from landscape_core.curvature.eigenpairs import eigenpairs
    from landscape_core.curvature.matrices.hessian import Hessian
    from landscape_core.curvature.trace import trace
    from landscape_core.models.losses.cross_entropy import CrossEntropy
    from landscape_core.models.network_objective import ModelObjective

    objective = ModelObjective(work.network(), CrossEntropy(), work.inputs, work.targets)
    double = ModelObjective(
        work.network().double(), CrossEntropy(), work.inputs.double(), work.targets
    )
    exact = Hessian().at(double, double.start)
    values = eigenpairs(exact, 5, tolerance=1e-8).values
    near = exact if effort.dtype == torch.float64 else Hessian().at(objective, objective.start)
    true = trace(near, tolerance=effort.tolerance, sketch=effort.sketch, most=effort.most, seed=9)
    mine = ours(objective)
    mine.trace(0)
    rows = []

    def residual(found):
        vectors = found[1].double() / found[1].double().norm(dim=1, keepdim=True)
        images = exact.apply(vectors)
        share = (images - found[0].double()[:, None] * vectors).norm(dim=1) / values
        return float(share.max()), float((found[0].double() / values - 1).abs().max())

    def compare(task, given, theirs, told):
        """A row for ours and one for each of theirs, (peer, given) by name; they take turns."""
        spent, failed = {}, {}
        began = time.perf_counter()
        for turn in range(rounds):
            if turn and time.perf_counter() - began > LONG:
                break
            for key, (peer, asked) in ({"ours": (None, given)} | theirs).items():
                if key in failed:
                    continue
                try:
                    done = perform(mine, task, asked) if not peer else ask(peer, work, task, asked)
                except UnableError as error:
                    failed[key] = str(error)
                    continue
                if key not in spent or done["seconds"] < spent[key]["seconds"]:
                    spent[key] = done
        for key, done in spent.items():
            ratio = done["seconds"] / spent["ours"]["seconds"]
            rows.append(
                f"| {task} | {key} | {1e3 * done['seconds']:.0f} | {ratio:.1f} | "
                f"{told(key, done['found'])} |"
            )
        rows.extend(f"| {task} | {key} | | | | {why} |" for key, why in failed.items())

    def of_values(key, found):
        far, off = residual(found)
        if key == "ours" and off > 1e-3:
            raise AssertionError(f"our eigenvalues are off by {off:.1e}")
        count = found[2] if found[2] >= 0 else ""
        return f"{count} | residual {far:.0e}, values off by {off:.0e}"

    for tolerance in (1e-3, 1e-6):
        theirs = {p.package: (p, (tolerance,)) for p in (pyhessian, curvlinops)}
        compare("eigenvalues", (1e-3,), theirs, of_values)
    found = [mine.trace(seed) for seed in range(SEEDS)]
    error = (sum((t.value - true.value) ** 2 for t in found) / SEEDS) ** 0.5
    mean = sum(t.value for t in found) / SEEDS
    if abs(mean - true.value) > 3 * error / SEEDS**0.5 + 3 * true.standard_error:
        raise AssertionError(f"our trace is {mean:.3f}, not {true.value:.3f}")
    lone = trace(near, tolerance=1e-9, sketch=0, most=PROBES, seed=1)
    # Theirs have done enough at the error asked, also where ours came nearer.
    enough = max(error, TRACE * true.value)
    probes = max(2, round(PROBES * (lone.standard_error / enough) ** 2))

    def of_trace(key, value):
        if key != "ours":
            expected = lone.standard_error * (PROBES / probes) ** 0.5
            if abs(value - true.value) > 3 * expected + 3 * true.standard_error:
                raise AssertionError(f"{key}: trace {value:.3f}, not {true.value:.3f}")
            return f"{probes} | standard error {expected / true.value:.1%} (by its variance)"
        return f"{value.matvecs} | error {error / true.value:.1%} over {SEEDS} seeds"

    theirs = {
        "pyhessian": (pyhessian, (probes,)),
        "curvlinops-for-pytorch": (curvlinops, (probes,)),
        "curvlinops-for-pytorch, 8 probes at a time": (curvlinops, (probes, 8)),
    }
    compare("trace", (0,), theirs, of_trace)
    reference = density(near, probes=effort.spread[0], steps=effort.spread[1], seed=9)

    def of_density(_, found):
        """The area between a density and the reference, both with its smoothing."""
        count, steps = found[0].shape
        mean = np.mean(
            [
                smoothed(n, w, reference.eigenvalue, reference.sigma)
                for n, w in zip(*found, strict=True)
            ],
            axis=0,
        )
        apart = np.trapezoid(np.abs(mean - reference.density), reference.eigenvalue)
        return f"{count * steps} | {count} probes of {steps} steps: {apart:.1%} of the area apart"

    for given, asked in effort.densities:
        compare("density", given, {"pyhessian": (pyhessian, asked)}, of_density)
    return rows


def watching(seconds=3.0):
    """Steps a second with and without the watcher at its default largest overhead."""
    from landscape_core.curvature.monitor import Watch, Watcher
    from landscape_core.models.architectures.mlp import MLP
    from landscape_core.models.datasets.digits import Digits
    from landscape_core.models.problems.supervised import Supervised
    from landscape_core.training.run import Run, Training

    problems = {
        "2-16-16-2, spirals": Supervised(),
        "64-64-64-10, digits": Supervised(dataset=Digits(), architecture=MLP(width=64)),
    }
    rows = []
    for name, problem in problems.items():
        training = Training(Run(problem=problem))
        rates = {False: 0.0, True: 0.0}
        for watched in (False, True) * 3:
            state, spent, watcher = training.start(), 0.0, Watcher(Watch())
            began = time.perf_counter()
            while time.perf_counter() - began < seconds:
                at = time.perf_counter()
                for _ in range(10):
                    state = training.advance(state)
                spent += time.perf_counter() - at
                if watched and watcher.due(spent):
                    watcher.measure(training.instance.train, state.theta, state.index)
            rate = state.index / (time.perf_counter() - began)
            rates[watched] = max(rates[watched], rate)
        cost = 1 - rates[True] / rates[False]
        rows.append(f"| {name} | {rates[False]:.0f} | {rates[True]:.0f} | {cost:.0%} |")
    head = (
        "## Watching a run\n\n| network | steps/s | watched | cost |\n| --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows)


if __name__ == "__main__":
    main()
