"""How long a run takes with its record, beside the same run without, and beside plain torch.

    python benchmarks/bench_recording.py [--rounds 7] [--folder data/mnist] [--limit 8000]

Prints a table of seconds of processor time and ratios. 200 steps of an MLP 784-64-64-10 on MNIST in
float32 with one thread, for several batch sizes: a loop as people write it, `train`, and
`record_run`, less the time in which data and network are built. All take turns, and the ratios are
the medians over the rounds of ratios within a round. The last column is recording on all examples
at every kept step.
"""

import argparse
import itertools
import statistics
import time
from collections import deque

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from landscape_core.experiments.curve_measures import curve_measures
from landscape_core.experiments.trajectory import record_run
from landscape_core.foundation.progress import result
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.mnist import MNIST
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.run import Run, Training, train

STEPS, WIDTH = 200, 64
EVERY = 10**9
"""More examples than any data set has."""


def plain(inputs, targets, batch):
    """Train as people write it: a shuffled order, `zero_grad`, `backward`, `step`."""
    sizes = (inputs[0].numel(), WIDTH, WIDTH, 10)
    first, second, third = (nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
    net = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), third)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    order, start = torch.randperm(len(inputs)), 0
    for _ in range(STEPS):
        if start + batch > len(inputs):
            order, start = torch.randperm(len(inputs)), 0
        chosen = order[start : start + batch]
        optimizer.zero_grad()
        cross_entropy(net(inputs[chosen]), targets[chosen]).backward()
        optimizer.step()
        start += batch


def seconds(call):
    """The processor time of a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def row(run, rounds):
    """The medians for one run: seconds of plain torch, and ratios."""
    training = Training(run)
    data = training.instance.train
    ways = (
        lambda: plain(data.inputs, data.targets, run.batch_size),
        lambda: deque(train(run), maxlen=0),
        lambda: result(record_run(run)),
        lambda: result(record_run(run, examples=EVERY)),
        lambda: Training(run),
    )
    for way in ways:
        way()
    found = []
    for _ in range(rounds):
        torch_, trained, recorded, every, built = map(seconds, ways)
        trained -= built
        found.append(
            (
                torch_,
                trained / torch_,
                (recorded - built) / trained - 1,
                (every - built) / trained - 1,
            )
        )
    sample = curve_measures(run, training.instance, run.checkpoints).samples
    count = sample["train"].examples if sample else data.examples
    return count, *map(statistics.median, zip(*found, strict=True))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", default="data/mnist")
    parser.add_argument("--limit", type=int, default=8000)
    parser.add_argument("--batches", type=int, nargs="*", default=[32, 64, 128])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    problem = Supervised(
        dataset=MNIST(folder=asked.folder, limit=asked.limit),
        architecture=MLP(depth=2, width=WIDTH),
    )
    print("batch  sample  torch s  train/torch  record/train  all examples/train")
    for batch in asked.batches:
        run = Run(problem=problem, steps=STEPS, batch_size=batch)
        count, torch_, ours, record, every = row(run, asked.rounds)
        print(f"{batch:5}  {count:6}  {torch_:7.3f}  {ours:11.2f}  {record:12.2f}  {every:18.2f}")


if __name__ == "__main__":
    main()
