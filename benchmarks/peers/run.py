"""Runs every tool on one work, each in a process of its own."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peers.environments import PEERS, InstallationError, Peer, environment
from peers.work import Evaluation, Work

ROOT = Path(__file__).resolve().parent.parent
TIME_LIMIT = 120


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A tool that did the work."""

    package: str
    version: str
    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A tool that did not, and why."""

    package: str
    version: str
    reason: str


def measure(work: Work) -> list[Measured | Failed]:
    """What every tool made of the work, one after the other."""
    return [outcome(peer, work) for peer in PEERS]


def outcome(peer: Peer, work: Work) -> Measured | Failed:
    try:
        return attempt(peer, work)
    except InstallationError as error:
        reason = str(error)
    except subprocess.TimeoutExpired:
        reason = f"still at work after {TIME_LIMIT} s"
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1] if error.stderr.strip() else str(error)
    return Failed(package=peer.package, version=peer.version, reason=reason)


def attempt(peer: Peer, work: Work) -> Measured:
    python = environment(peer)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "work.pt", Path(folder) / "result.npz"
        work.save(source)
        subprocess.run(
            [python, "-m", f"peers.{peer.module}", source, target],
            check=True,
            cwd=folder,
            env=surroundings(work.threads),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIME_LIMIT,
        )
        with np.load(target) as arrays:
            found = dict(arrays)
    version = str(found.pop("version"))
    found["seconds"] = float(found["seconds"])
    return Measured(package=peer.package, version=version, evaluation=Evaluation(**found))


def surroundings(threads: int) -> dict[str, str]:
    """The environment variables of every process that is timed; ours belongs in the same.

    The C library's allocator is told to keep what it has. Else it may hand the memory of a layer's
    outputs back to the system after every pass and fetch it anew, page by page, or may not, by what
    the process happened to do before: on the convolutional network that alone is a factor of two.
    """
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "MALLOC_MMAP_THRESHOLD_": str(2**30),
        "MALLOC_TRIM_THRESHOLD_": str(2**30),
    }
