"""How long the labs take on a page, until the first picture and until the verdict.

    python benchmarks/bench_labs.py [NAME ...] [--alone] [--repeat 1]

Each lab runs with its default settings and seeds from an empty store, by what a page of the app
does: `first_picture` when the lab is opened, `every_seed` when Play is pressed, here and on a
second core. With `--alone` no second process is used, as on a server without workers. Prints a
table and writes it to `benchmarks/results/labs.md`; with names or `--alone`, writes nothing.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from landscape_core import labs
from landscape_core.storage.store import Store
from landscape_lab.state.lab_place import opening
from landscape_lab.worker.lab_work import every_seed, first_picture
from landscape_lab.worker.second_process import SECOND_PROCESS, SecondProcess

RESULTS = Path(__file__).parent / "results" / "labs.md"

FIRST, WHOLE = 1.0, 20.0
"""Seconds that a first picture and a whole run may take."""

HEAD = """# Seconds of the labs

{cores} processors, torch {torch}, {where}; the load of the machine was {load:.1f} at the start. By
`benchmarks/bench_labs.py`: default settings and seeds from an empty store, as a page computes them,
without the time in which it draws. First picture: from opening the lab. Whole run: from Play to the
verdict. Stated: what the gallery says. At most {first:g} s and {whole:g} s are asked for.

| lab | seeds | first picture, s | whole run, s | stated, s | pictures |
| --- | ---: | ---: | ---: | ---: | ---: |
"""


@dataclass(frozen=True)
class Timed:
    """Seconds until the first picture and until the verdict, and how many pictures came between."""

    first: float
    whole: float
    pictures: int


def timed(name, *, alone):
    """A lab from an empty store; the second process, if any, is started in the measured time."""
    there, second = opening(name), SecondProcess()
    second.allowed = SECOND_PROCESS.allowed and not alone
    with tempfile.TemporaryDirectory() as folder:
        store, began = Store(folder), time.perf_counter()
        next(iter(first_picture(there, store)))
        first, began = time.perf_counter() - began, time.perf_counter()
        work = every_seed(there, store, again=False, second=second)
        pictures = sum(progress.dataset is not None for progress in work)
        whole = time.perf_counter() - began
    second.end()
    return Timed(first, whole, pictures)


def row(name, found):
    """A line of the table: medians of some repetitions; bold what takes longer than asked for."""
    first, whole, pictures = (
        statistics.median(getattr(one, field) for one in found)
        for field in ("first", "whole", "pictures")
    )
    lab, count = opening(name).lab, opening(name).count
    cells = (marked(first, FIRST, 2), marked(whole, WHOLE, 1), f"{lab.seconds:g}", f"{pictures:g}")
    return f"| {name} | {count} | {' | '.join(cells)} |"


def marked(seconds, most, digits):
    """A number of seconds, bold if it is too large."""
    text = f"{seconds:.{digits}f}"
    return f"**{text}**" if seconds > most else text


def main():
    """Measure what the command line asks for."""
    known = labs.names()
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("names", nargs="*", choices=[[], *known], metavar="NAME")
    options.add_argument("--alone", action="store_true", help="on one core")
    options.add_argument("--repeat", type=int, default=1, help="of which the median is shown")
    asked = options.parse_args()
    head = HEAD.format(
        cores=os.cpu_count(),
        torch=torch.__version__,
        where="one process" if asked.alone else "a second process where it is worth its start",
        load=os.getloadavg()[0],
        first=FIRST,
        whole=WHOLE,
    )
    lines = []
    print(head, end="", flush=True)
    list(first_picture(opening("constant_target"), None))  # what is imported once
    for name in asked.names or known:
        found = [timed(name, alone=asked.alone) for _ in range(asked.repeat)]
        lines.append(row(name, found))
        print(lines[-1], flush=True)
    if not (asked.names or asked.alone):
        RESULTS.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
