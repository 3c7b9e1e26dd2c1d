"""What a tool is asked of curvature, and the files between our process and the tool's.

Each tool runs as `python -m peers.<tool> work.pt result.pt` in its own environment.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from peers import models

THREADS = 2

MEMORY = 12
"""GiB that the process of a tool may take."""

PATIENCE = 300
"""Seconds that a tool may take for one task."""


class UnableError(Exception):
    """A tool did not do a task; the message says why."""


@dataclass(frozen=True)
class Tasks:
    """What a tool does: values, vectors, products (-1: unknown); a trace; nodes and weights."""

    eigenvalues: Callable
    trace: Callable
    density: Callable


def answer(make):
    """In a tool's process: do what is asked in `argv[1]`, write what came of it to `argv[2]`."""
    asked = torch.load(sys.argv[1], weights_only=True)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY * 2**30, MEMORY * 2**30))
    torch.set_num_threads(THREADS)
    torch.set_default_dtype(asked["inputs"].dtype)  # in which PyHessian draws
    network = models.build(asked["model"])
    network.load_state_dict(asked["state"])
    torch.manual_seed(asked["seed"])  # noqa: TID251 - PyHessian draws from the global generator
    tasks = make(network, asked["inputs"], asked["targets"])
    tasks.trace(2)  # the first time loads libraries
    torch.save(perform(tasks, asked["task"], asked["given"]), sys.argv[2])


def perform(tasks, task, given):
    began = time.perf_counter()
    found = getattr(tasks, task)(*given)
    return {"seconds": time.perf_counter() - began, "found": found}


def ask(peer, work, task, given, *, seed=0):
    """What a tool made of one task, with its seconds.

    Raises:
        UnableError: it made nothing of it.
    """
    from peers.environments import environment
    from peers.run import surroundings

    asked = {"model": work.model, "state": work.state, "inputs": work.inputs}
    asked |= {"targets": work.targets, "task": task, "given": given, "seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "work.pt", Path(folder) / "result.pt"
        torch.save(asked, source)
        command = [environment(peer), "-m", f"peers.{peer.module}", source, target]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=surroundings(THREADS),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise UnableError(f"still at work after {PATIENCE} s") from None
        if done.returncode:
            raise UnableError(reason(done))
        return torch.load(target, weights_only=False)  # made by our own process
