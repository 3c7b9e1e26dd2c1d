"""Whether the app is complete in each of its hosts, and how soon, also beside busy processes.

`python benchmarks/bench_openings.py jupyterlab notebook voila panel --times 5 --busy 24`

Each opening has a new window and a new kernel or session, and is begun beside that many processes
that do nothing but count; they end once the app is there or given up. Prints, for each: seconds to
the first picture, own components that stayed empty, whether Play moved the run and the 3-D view was
drawn, pictures a second in 2-D and 3-D, errors of the page, and the machine's load. With `--hold`
the last opening of each host is left playing for that many seconds. To leave the rest of the
machine alone, run it under `taskset --cpu-list 1` with half as many processes.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Error

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from browser_support import Visitor, browser, laboratory, served  # noqa: E402 - shared with the tests
from notebook_support import APP, address, empty_parts, open_and_run, written  # noqa: E402

PATIENCE = 240.0
"""Seconds after which an opening is given up."""

SECONDS = 5.0
"""Seconds for which pictures are counted."""


@contextlib.contextmanager
def busy_processes(number):
    """So many processes that only count."""
    loop = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(loop) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def hosted(host, folder, **options):
    """A function that makes a visitor, given the number of the opening, and one that opens the app.

    `options` are those of `served`.
    """
    if host in ("voila", "panel"):
        with served(host, folder / "cache", **options) as url:
            yield (
                lambda opened, _: Visitor(opened, url),
                lambda guest: guest.page.goto(guest.url, wait_until="commit"),
            )
        return
    with laboratory(folder, host) as url:

        def visitor(opened, number):
            notebook = written(folder / f"app{number}.ipynb", APP)
            return Visitor(opened, address(url, host, notebook))

        yield visitor, lambda guest: open_and_run(guest, PATIENCE)


def opening(guest, start, busy):
    """Seconds to the first picture, and the components that stayed empty."""
    guest.page.set_default_timeout(1000 * PATIENCE)
    with busy_processes(busy):
        load, began = os.getloadavg()[0], time.perf_counter()
        start(guest)
        guest.page.locator(".bar[data-frame]").wait_for()
        took = time.perf_counter() - began
    return took, empty_parts(guest), load


def pictures_a_second(guest, seconds=SECONDS):
    """Pictures drawn a second while the run goes on."""
    first, began = guest.frame(), time.perf_counter()
    guest.page.wait_for_timeout(1000 * seconds)
    return (guest.frame() - first) / (time.perf_counter() - began)


def played(guest):
    """That Play works."""
    before = guest.step()
    guest.press("play")
    guest.until(lambda: guest.step() > before, "a step of training", PATIENCE)
    return "Play"


def used(guest, hold):
    """Whether Play and the 3-D view work, and pictures a second in both."""
    guest.at_rest()
    played(guest)
    flat = pictures_a_second(guest)
    guest.press("view-3d")
    guest.page.locator("canvas[data-frames]").wait_for()
    deep = pictures_a_second(guest)
    if hold:
        held = pictures_a_second(guest, hold)
        return f"Play, 3-D; {flat:.1f} and {deep:.1f} pictures/s; {held:.1f} for {hold:g} s"
    guest.press("play")
    return f"Play, 3-D; {flat:.1f} and {deep:.1f} pictures/s"


def trial(opened, host, times, busy, hold, *, brief):
    """Open the app so many times in a host; how often it was complete."""
    complete = 0
    with tempfile.TemporaryDirectory() as folder, hosted(host, Path(folder)) as (visitor, start):
        for number in range(times):
            guest = visitor(opened, number)
            try:
                took, empty, load = opening(guest, start, busy)
                last = number == times - 1
                if brief and not last:
                    said = played(guest)
                    guest.press("play")  # or its kernel would play on beside the next opening
                else:
                    said = used(guest, hold if last else 0)
                good = not empty and not guest.errors
                complete += good
                print(
                    f"{host} {number + 1}: first picture {took:.1f} s, load {load:.0f}, "
                    f"empty {empty or 'none'}, {said}, errors {guest.errors or 'none'}",
                    flush=True,
                )
            except (Error, AssertionError) as error:
                print(f"{host} {number + 1}: {error}; errors {guest.errors}", flush=True)
            guest.page.context.close()
    print(f"{host}: {complete} of {times} complete", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hosts", nargs="+", choices=["jupyterlab", "notebook", "voila", "panel"])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--brief", action="store_true", help="count pictures in the last only")
    parser.add_argument("--hold", type=float, default=0.0)
    options = parser.parse_args()
    with browser() as opened:
        for host in options.hosts:
            trial(opened, host, options.times, options.busy, options.hold, brief=options.brief)


if __name__ == "__main__":
    main()
