"""The workers for what takes long on any page of a server: started when first asked for.

`study_cluster.py` is what runs; if that ends, the next who asks starts another.
"""

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping

from landscape_lab.hosting import capacity, lifeline

LOG = logging.getLogger("landscape_lab.hosting")

MODULE = "landscape_lab.hosting.study_cluster"

SHARE = 0.5
"""Of the free memory, how much all workers may take."""

MOST_MEMORY = 4e9
"""Bytes of a worker, however many are free: what a single page may take."""

CHUNK = 2**16

Report = Callable[[Mapping[str, str]], None]
"""Takes where the workers are; nothing if there are none."""

possible = importlib.util.find_spec("distributed") is not None and hasattr(os, "killpg")
"""Whether there can be workers: with the extra `cluster` of the package, and not on Windows."""


class StudyWorkers:
    """So many worker processes, once somebody needs them."""

    def __init__(self, count: int) -> None:
        """Nothing is started yet."""
        self.count = count if possible else 0
        self._process: subprocess.Popen[bytes] | None = None
        self._said = bytearray()
        self._reported: Mapping[str, str] | None = None
        self._waiting: list[Report] = []

    @property
    def pid(self) -> int | None:
        """The number of the process that has started the workers, while it is there."""
        there = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and there else None

    def ask(self, report: Report) -> None:
        """Say where the workers are, as soon as they are there; on the event loop."""
        self._waiting.append(report)
        if self.pid is None:
            self.end()
            self._start()
        elif self._reported is not None:
            self._answer()

    def end(self) -> None:
        """End them at once, with all that has been started: they have nothing to keep."""
        process, self._process, self._reported = self._process, None, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        asyncio.get_running_loop().remove_reader(process.stdout)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def _start(self) -> None:
        """Start a cluster, which says where it is."""
        if not self.count:
            self._answer()
            return
        memory = int(min(MOST_MEMORY, SHARE * capacity.free_memory() / self.count))
        env = {name: value for name, value in os.environ.items() if name != lifeline.FOLDER}
        self._said.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", lifeline.__name__, MODULE, str(self.count), str(memory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=env,
        )  # fmt: skip
        asyncio.get_running_loop().add_reader(self._process.stdout, self._hear)  # type: ignore[arg-type]

    def _hear(self) -> None:
        """Something of what a cluster says of itself, in one line, or its end."""
        if self._process is None or self._process.stdout is None:
            return
        data = os.read(self._process.stdout.fileno(), CHUNK)
        self._said += data
        if data and not self._said.endswith(b"\n"):
            return
        asyncio.get_running_loop().remove_reader(self._process.stdout)
        if data:
            self._reported = json.loads(self._said)
        else:
            LOG.warning("No worker processes could be started; pages compute everything.")
            self.end()
        self._answer()

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for report in waiting:
            report(self._reported or {})
