"""A server that ends when the process that started it is gone, however that ended.

    python -m landscape_lab.hosting.lifeline MODULE [its arguments]

runs a module as `python -m MODULE` does, and ends it once its standard input is closed. The parent
holds the other end, and need not live to close it: this also works where it was killed. Linux's
`PR_SET_PDEATHSIG` watches a thread, not a process, and macOS has nothing like it.

The module itself, and whatever it starts, gets an empty standard input: a program that shares the
other end could read from it, or switch it to answer at once (Node.js does).
"""

import atexit
import contextlib
import os
import runpy
import shutil
import signal
import sys
import threading
from types import FrameType

import psutil

FOLDER = "LANDSCAPE_LAB_SERVER_FOLDER"
"""The environment variable with the folder of temporary files that goes when the server goes."""

PATIENCE = 8.0
"""Seconds that a server has to end in order."""


def main() -> None:
    """Run the module that the command line names."""
    signal.signal(signal.SIGTERM, _end_process)  # until the server has a way of its own
    if folder := os.environ.get(FOLDER):
        atexit.register(_clear, folder)
    parent = _kept_standard_input()
    threading.Thread(target=_end_without_parent, args=(parent, folder), daemon=True).start()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _clear(folder: str) -> None:
    """Remove the temporary files; a kernel that is starting would write there again."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "ipykernel_launcher" in child.cmdline():
                    child.kill()
                    child.wait(PATIENCE)
    shutil.rmtree(folder, ignore_errors=True)


def _end_process(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _kept_standard_input() -> int:
    """The standard input as a descriptor that no child inherits; an empty one is in its place."""
    kept, empty = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return kept


def _end_without_parent(parent: int, folder: str | None) -> None:
    with contextlib.suppress(OSError):
        while os.read(parent, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(PATIENCE)
    if folder:
        _clear(folder)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
