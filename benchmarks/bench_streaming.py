"""A slice of more data than memory holds: peak memory, passes, time and values.

    python benchmarks/bench_streaming.py [mlp] [conv] [--gigabytes 5] [--limit 2] [--threads 2]

Prints a table and writes it to `benchmarks/results/streaming.md`. Each row is a process of its own
whose address space is limited (`ulimit -v`), so that it could not hold the data. These are made
batch by batch from the number of the batch, so that no disk is measured. The values are compared
with a plain loop in float64 over the batches at three points, and the time with one pass over the
loader without any evaluation and with that of a loop in float32 that reads the data once a point.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from landscape_core import Plane, landscape
from landscape_core.foundation.errors import SpecError

RESULTS = Path(__file__).parent / "results" / "streaming.md"
BATCH, SHAPE, CLASSES = 1000, (3, 32, 32), 10
TITLES = {"mlp": "MLP 3072-32-10", "conv": "conv net with batch norm, 2 layers"}


class Batches(Dataset):
    """Batches of images, each drawn from its own number, and classes that a linear map tells."""

    def __init__(self, gigabytes):
        size = BATCH * 4 * torch.Size(SHAPE).numel()
        self.count = -(-int(gigabytes * 1e9) // size)
        rng = torch.Generator().manual_seed(0)
        self.teacher = torch.randn(torch.Size(SHAPE).numel(), CLASSES, generator=rng)

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        rng = torch.Generator().manual_seed(number + 1)
        examples = BATCH if number + 1 < self.count else BATCH // 2  # a smaller last batch
        images = torch.randn(examples, *SHAPE, generator=rng)
        return images, (images.flatten(1) @ self.teacher).argmax(1)


def networks():
    """The networks by name, with the points along a side."""
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(3072, 32), nn.ReLU(), nn.Linear(32, CLASSES))
    conv = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES),
    )  # fmt: skip
    return {"mlp": (mlp, 7), "conv": (conv, 3)}


def drawn(network):
    """A plane through the network, whose weights are drawn from a seed, as its axes are."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, weight[0].numel() ** -0.5, generator=rng)
    origin = nn.utils.parameters_to_vector(network.parameters()).detach()
    axes = torch.randn(2, len(origin), generator=rng)
    return Plane(origin, axes * (origin.norm() / axes.norm(dim=1, keepdim=True)))


def plain(network, loader, plane, coords):
    """The losses at some points in float64, one pass over the loader for all of them."""
    network = network.double().eval()
    sums, count = torch.zeros(len(coords), dtype=torch.float64), 0
    thetas = [
        plane.origin.double() + torch.tensor(c).double() @ plane.axes.double() for c in coords
    ]
    for images, classes in loader:
        count += len(images)
        for number, theta in enumerate(thetas):
            nn.utils.vector_to_parameters(theta, network.parameters())
            sums[number] += cross_entropy(network(images.double()), classes, reduction="sum")
    return sums / count


@torch.no_grad()
def once_a_point(network, loader):
    """Seconds of a plain loop in float32 at one point, and of reading the data alone."""
    began = time.perf_counter()
    for images, classes in loader:
        cross_entropy(network(images), classes, reduction="sum")
    point = time.perf_counter() - began
    began = time.perf_counter()
    for _ in loader:
        pass
    return point, time.perf_counter() - began


def child(name, gigabytes, limit):
    """Measure one network in this process, within a limit of its address space in GB."""
    resource.setrlimit(resource.RLIMIT_AS, (int(limit * 1e9),) * 2)
    network, side = networks()[name]
    plane = drawn(network)
    loader = DataLoader(Batches(gigabytes), batch_size=None)
    told = ""
    try:
        landscape(network, cross_entropy, loader, directions=plane, resolution=side, stream=False)
    except SpecError as error:
        told = str(error)
    began = time.perf_counter()
    found = landscape(network, cross_entropy, loader, directions=plane, resolution=side)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    indices = [(0, 0), (side // 2, side // 2), (side - 1, 1)]
    with torch.no_grad():
        sides = found["alpha"].values, found["beta"].values
        coords = [(sides[0][column], sides[1][row]) for row, column in indices]
        expected = plain(network, loader, plane, coords)
    values = [float(found["loss"].values[0][at]) for at in indices]
    deviation = max(abs(a - b) / abs(b) for a, b in zip(values, expected.tolist(), strict=True))
    point, reading = once_a_point(network.float().eval(), loader)
    answer = {
        "points": side**2, "passes": found.attrs["passes"], "examples": found.attrs["examples"],
        "strategy": found.attrs["strategy"][0], "checked": found.attrs["checked_points"],
        "peak": peak / 1e9, "seconds": seconds, "point": point, "reading": reading,
        "values": values, "expected": expected.tolist(), "deviation": deviation, "refused": told,
    }  # fmt: skip
    print(json.dumps(answer))


def measured(name, asked):
    """What a process of its own measures."""
    told = {"--child": name, "--gigabytes": asked.gigabytes, "--limit": asked.limit}
    told["--threads"] = asked.threads
    options = [str(word) for pair in told.items() for word in pair]
    told = subprocess.run(
        [sys.executable, __file__, *options], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(told.stdout.splitlines()[-1])


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=list(TITLES), help=", ".join(TITLES))
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--limit", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.child:
        child(asked.child, asked.gigabytes, asked.limit)
        return
    rows, values, refused = [], [], ""
    for key in asked.networks:
        one, name = measured(key, asked), TITLES[key]
        refused = one["refused"]
        rows.append(
            f"| {name} | {one['examples'][0]:,} | {one['points']} | {one['strategy']} |"
            f" {one['passes'][0]} | {one['peak']:.2f} | {one['seconds']:.0f} |"
            f" {one['reading']:.0f} | {one['points'] * one['point']:.0f} | {one['deviation']:.1e} |"
        )
        pairs = zip(one["values"], one["expected"], strict=True)
        values += [f"| {name} | {a!r} | {b!r} |" for a, b in pairs]
    text = (
        f"# A slice of {asked.gigabytes:g} GB of data in {asked.limit:g} GB of memory\n\n"
        f"PyTorch {torch.__version__}, {asked.threads} threads; the address space of each process"
        f" is limited to {asked.limit:g} GB (`RLIMIT_AS`). Float32; every batch of {BATCH} images"
        " 3x32x32 is drawn anew when it is read. Times in seconds; that of a loop that reads the"
        " data once a point is measured at one point and multiplied.\n\n"
        "| network | examples | points | strategy | passes | peak memory, GB | slice |"
        " reading alone | loop that reads once a point | largest relative deviation |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n\nThe loss at three points, and by a plain loop in float64:\n\n"
        "| network | streamed | plain, float64 |\n|---|---|---|\n"
        + "\n".join(values)
        + f"\n\nWith `stream=False` the same call answers: {refused}\n"
    )
    print(text)
    RESULTS.write_text(text)


if __name__ == "__main__":
    main()
