"""A second process that computes seeds of a lab while this one computes others.

    python -m landscape_lab.worker.second_process DESCRIPTOR

Threads would not do: only one of them runs Python at a time. On a machine there is at most one such
process for each processor but one, for all programs of a user together: a class whose pages have
processes of their own does not start one for each page. It ends with the process that started it,
or when it has had nothing to do for a while.
"""

import atexit
import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import xarray as xr

from landscape_core import labs
from landscape_core.labs.base import Lab

IDLE = 20.0
"""Seconds without work after which the process ends, and another program may start one."""

STOP, STARTED = b"", 0
"""What is said to it so that it stops, and the number under which it says that it has started."""

possible = os.name == "posix"
"""Whether there can be one: pipes and locked files are handed on to it."""


class SecondProcess:
    """The second process for the labs of this one."""

    def __init__(self) -> None:
        """None is started yet."""
        self.allowed = possible
        self._free = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._number = 0
        self._ready = False

    @property
    def pid(self) -> int | None:
        """The number of the process, while it is there."""
        there = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and there else None

    @contextlib.contextmanager
    def taken(self) -> Iterator[bool]:
        """Whether it is there for the caller alone, until the end of the block."""
        mine = self.allowed and self._free.acquire(blocking=False)
        try:
            yield mine and self._started()
        finally:
            if mine:
                self._send(STOP)
                self._free.release()

    def ready(self) -> Generator[None, None, bool]:
        """Wait until it has started; yields until then: whether it has."""
        while self._line is not None and not self._ready:
            if (heard := self._heard()) is not None:
                self._ready = heard[0] == STARTED
            yield
        return self._line is not None

    def finished(self, lab: Lab, seed: int) -> Generator[None, None, xr.Dataset | None]:
        """Compute a seed there; yields until it is done: its dataset, None where that fails.

        For that there may be many reasons, a lab that cannot be imported, memory, an error of its
        work: the caller then computes the seed, or finds the error.
        """
        self._number += 1
        try:
            packed = pickle.dumps((lab, seed))
        except Exception:  # a lab of the user's own may refuse in any way
            return None
        self._send(pickle.dumps((self._number, packed)))
        while self._line is not None:
            if (heard := self._heard()) is not None and heard[0] == self._number:
                return heard[1]
            yield
        return None

    def end(self) -> None:
        """End the process, if there is one."""
        process, line, self._process, self._line = self._process, self._line, None, None
        self._ready = False
        if line is not None:
            line.close()
        if process is not None:
            process.kill()
            process.wait()

    def _started(self) -> bool:
        """Whether the process is there, or could be started."""
        if self.pid is not None:
            return True
        self.end()
        lock = _free_core()
        if lock is None:
            return False
        self._line, there = Pipe()
        handed = (there.fileno(), lock)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(there.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=handed,
            )  # fmt: skip
        except OSError:
            self.end()
            return False
        finally:
            there.close()
            os.close(lock)
        return True

    def _heard(self) -> tuple[int, xr.Dataset | None] | None:
        """What it has said, if anything: the number of the work, and the dataset."""
        try:
            if self._line is not None and self._line.poll():
                return pickle.loads(self._line.recv_bytes())
        except (OSError, EOFError):
            self.end()
        return None

    def _send(self, message: bytes) -> None:
        if self._line is not None:
            try:
                self._line.send_bytes(message)
            except OSError:
                self.end()


def _free_core() -> int | None:
    """A locked file for a processor that no second process has; locked until all have closed it."""
    import fcntl

    for core in range((os.cpu_count() or 1) - 1):
        path = Path(tempfile.gettempdir(), f"landscape-lab-{os.getuid()}-core-{core}")
        try:
            lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
        else:
            return lock
    return None


def serve(line: Connection) -> None:
    """Compute what comes over a line, until that ends or nothing comes."""
    with contextlib.suppress(EOFError, OSError):
        line.send_bytes(pickle.dumps((STARTED, None)))
        while line.poll(IDLE):
            if asked := line.recv_bytes():
                number, packed = pickle.loads(asked)
                if answer := _answer(number, packed, line):
                    line.send_bytes(answer)


def _answer(number: int, packed: bytes, line: Connection) -> bytes:
    """The finished dataset as bytes; none where more was said meanwhile, so that it is unwanted."""
    dataset = None
    try:
        lab, seed = pickle.loads(packed)
        for found in labs.computed(lab, [seed]):
            dataset = found[1]
            if line.poll():
                return b""
        return pickle.dumps((number, dataset))
    except Exception:  # the other process computes it then, or finds the error
        return pickle.dumps((number, None))


SECOND_PROCESS = SecondProcess()
"""The one of this process."""

atexit.register(SECOND_PROCESS.end)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
