"""How long the labs take in a browser, from the card to the picture and from Play to the verdict.

    python benchmarks/bench_lab_pages.py HOST [HOST ...] [--labs NAME ...] [--sheets FOLDER]

Hosts: `serve` is `landscape serve` as it starts by default, with its worker, `voila` is what
`landscape app` starts, `jupyterlab` and `notebook` show the app in a cell. Server and store are new
for each host, in notebooks for each lab; each lab is opened in a new window, a new kernel where the
host has kernels. Browser and server share the machine, as they do for whoever runs both. Prints a
line for each lab; without `--labs`, writes `benchmarks/results/lab_pages.md`, whose columns of
other hosts stay. With `--sheets`, a screenshot of each lab at its end goes to that folder.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from playwright.sync_api import Error

from bench_openings import PATIENCE, hosted
from landscape_core import labs
from landscape_lab.hosting import server

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from browser_support import Visitor, browser  # noqa: E402 - shared with the tests

RESULTS = HERE / "results" / "lab_pages.md"

FIRST, WHOLE = 1.0, 20.0
"""Seconds that a first picture and a whole run may take."""

READS = 1000
"""Milliseconds that whoever looks for a card takes at least."""

WATCH = """() => {
    const find = (root, name) => {
        for (const one of root.querySelectorAll("*")) {
            if (one.classList.contains(name)) return one
            const inside = one.shadowRoot && find(one.shadowRoot, name)
            if (inside) return inside
        }
    }
    let began, pictures
    addEventListener("click", () => began = performance.now(), {capture: true, once: true})
    const look = () => {
        pictures ??= began && find(document, "lab-pictures")
        const there = pictures?.shadowRoot && find(pictures.shadowRoot, "bk-Canvas")
        if (there?.clientWidth) {
            window.firstPicture = (performance.now() - began) / 1000
        } else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
}"""
"""Notes the seconds from the click until a frame of the browser has a figure in it."""

HEAD = """# Seconds of the labs in a browser

{cores} processors, which the browser shares; torch {torch}. By `benchmarks/bench_lab_pages.py`,
each host on a quiet machine, new server and empty store, each lab in a new window. Seconds from the
click on its card, a second after the gallery is there, to the first picture / to all of them / from
Play to the verdict on the default seeds. At most {first:g} s and {whole:g} s are asked for the
first and the last; what takes longer is bold. `serve`: `landscape serve` with its worker, which
starts meanwhile at the first lab; `voila`: `landscape app`, a new kernel each.

"""


@contextlib.contextmanager
def place(host, folder):
    """As `hosted`, and also `landscape serve` as it starts by default."""
    if host != "serve":
        with hosted(host, folder) as found:
            yield found
        return
    port = server.free_port()
    argv = [sys.executable, "-m", "landscape_lab", "serve", f"--port={port}", "--no-browser"]
    env = {**os.environ, "LANDSCAPE_CACHE": str(folder / "cache")}
    url = server.address(port)
    with server.running((argv, env), url, output=subprocess.DEVNULL):
        yield lambda opened, _: Visitor(opened, url), lambda guest: guest.page.goto(guest.url)


def tried(guest, name, sheets):
    """Seconds to the first picture, to all and to the verdict, and what that is."""
    page = guest.page
    page.set_default_timeout(1000 * PATIENCE)
    page.locator(".bar[data-frame]").wait_for()
    guest.at_rest()
    page.get_by_role("button", name="Labs", exact=True).click()
    card = page.locator(f"[data-lab={name}]")
    card.wait_for()
    page.wait_for_timeout(READS)
    page.evaluate(WATCH)
    began = time.perf_counter()
    card.click()
    page.locator(".lab[data-number]").wait_for()
    every = time.perf_counter() - began
    first = page.evaluate("() => window.firstPicture")
    began = time.perf_counter()
    page.locator("[data-action=lab-play]").click()
    page.locator(".verdict b").wait_for()
    whole = time.perf_counter() - began
    word = page.locator(".verdict b").inner_text()
    if sheets:
        page.wait_for_timeout(1000)
        page.screenshot(path=sheets / f"{name}.png")
    return first, every, whole, word


def trial(opened, host, names, sheets):
    """The seconds of each lab in a host, as cells of the table."""
    cells = {}
    if host in ("jupyterlab", "notebook") and len(names) > 1:  # whose kernels stay
        for name in names:
            cells |= trial(opened, host, [name], sheets)
        return cells
    with tempfile.TemporaryDirectory() as folder, place(host, Path(folder)) as (visitor, start):
        for number, name in enumerate(names):
            guest = visitor(opened, number)
            try:
                start(guest)
                first, every, whole, word = tried(guest, name, sheets)
            except (Error, AssertionError) as error:
                print(f"{host} {name}: {error}; errors {guest.errors}", flush=True)
            else:
                seconds = (marked(first, FIRST, 2), f"{every:.2f}", marked(whole, WHOLE, 1))
                cells[name] = " / ".join(seconds)
                said = f"{cells[name]}, {word}, errors {guest.errors or 'none'}"
                print(f"{host} {name}: {said}", flush=True)
            guest.page.context.close()
    return cells


def marked(seconds, most, digits):
    """A number of seconds, bold if it is too large."""
    text = f"{seconds:.{digits}f}"
    return f"**{text}**" if seconds > most else text


def written(found):
    """Write the table, with the columns of hosts that were not measured now as they are."""
    table = dict(found)
    if RESULTS.exists() and (kept := re.search(r"<!-- (.*) -->", RESULTS.read_text())):
        table = json.loads(kept[1]) | table
    hosts = list(table)
    rows = [f"| lab | {' | '.join(hosts)} |", f"| --- |{' ---: |' * len(hosts)}"]
    for name in labs.names():
        rows.append(f"| {name} | {' | '.join(table[host].get(name, 'failed') for host in hosts)} |")
    head = HEAD.format(cores=os.cpu_count(), torch=torch.__version__, first=FIRST, whole=WHOLE)
    RESULTS.write_text(f"{head}{os.linesep.join(rows)}\n\n<!-- {json.dumps(table)} -->\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    choices = ["serve", "voila", "panel", "jupyterlab", "notebook"]
    parser.add_argument("hosts", nargs="+", choices=choices)
    parser.add_argument("--labs", nargs="+", default=[], choices=labs.names())
    parser.add_argument("--sheets", type=Path)
    options = parser.parse_args()
    if options.sheets:
        options.sheets.mkdir(parents=True, exist_ok=True)
    found = {}
    with browser() as opened:
        for host in options.hosts:
            found[host] = trial(opened, host, options.labs or labs.names(), options.sheets)
    if not options.labs:
        written(found)


if __name__ == "__main__":
    main()
