"""How soon a page has a picture that can be turned and read, and when the live one replaces it.

`python benchmarks/bench_first_picture.py voila panel site --times 5 --throttle 1 4`

Every opening has a new window and, in Voila, a new kernel that was not started before. Times are
seconds from the request (`page.goto`), the loading again by which a visitor is admitted included;
the processor of the browser is slowed down by Chromium. Prints, for each opening: until the
recorded run is interactive; until a pointer over it has shown a value, or a drag that began as soon
as that could be has turned it, each with the milliseconds that the answer took (the surface is
made at the drag); and, in openings that are left alone,
until the live picture was drawn and until it took the place of the recorded one; and the load.
`site` is a page of `landscape site`, which has no live picture. Writes the medians to
`benchmarks/results/first_picture.md`.
"""

import argparse
import contextlib
import functools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from playwright.sync_api import Error

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from browser_support import Visitor, browser, served  # noqa: E402 - shared with the tests

COLUMNS = (
    "interactive", "read", "read, ms", "turned", "turned, ms", "live", "handed over",
)  # fmt: skip
"""What is measured, in seconds from the request unless it says otherwise."""

PATIENCE = 240_000
"""Milliseconds after which an opening is given up."""

WATCH = """
const seen = window.landscapeSeen = {origin: performance.timeOrigin};
const note = name => { seen[name] ??= performance.timeOrigin + performance.now(); };
new PerformanceObserver(list => {
  for (const mark of list.getEntries())
    if (mark.name.startsWith("landscape-"))
      seen[mark.name] ??= performance.timeOrigin + mark.startTime;
}).observe({type: "mark", buffered: true});
const found = selector => {
  const roots = [document];
  for (const root of roots) {
    const hit = [...root.querySelectorAll(selector)].find(node => !node.closest("#stage"));
    if (hit) return hit;
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) roots.push(node.shadowRoot);
  }
};
setInterval(() => { if (!seen.live && found(".bar[data-frame]")) note("live"); }, 50);
"""
"""When something was first to be seen, in milliseconds since 1970."""

TURNS = """() => { window.landscapeTurned = new Promise(done => {
  const began = performance.now();
  let first;
  const look = () => {
    const deep = document.querySelector(".landscape-player .deep")?.shadowRoot;
    const camera = deep?.querySelector("canvas[data-frames]")?.dataset.camera;
    first ??= camera;
    const now = performance.now();
    camera && camera !== first ? done({took: now - began, at: performance.timeOrigin + now})
      : now - began > 9000 ? done(null) : requestAnimationFrame(look);
  };
  look();
}); }"""
"""Notes when the surface, which the first movement of a drag makes, is first seen turned."""

READ = """() => new Promise(done => {
  const canvas = document.querySelector(".landscape-player canvas.flat"), began = performance.now();
  const {left, top, width, height} = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent("pointermove", {
    bubbles: true, clientX: left + .4 * width, clientY: top + .4 * height}));
  const now = () => performance.now();
  const tip = document.querySelector(".landscape-player .tip");
  const look = () => tip.dataset.value && !tip.hidden
    ? requestAnimationFrame(() => done({took: now() - began, at: performance.timeOrigin + now()}))
    : performance.now() - began > 5000 ? done(null) : requestAnimationFrame(look);
  look();
})"""


def dragged(page):
    """When a drag of the picture by the mouse was first seen to turn it."""
    area = page.locator(".landscape-player .stage").bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.evaluate(TURNS)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 60):
        page.mouse.move(x + 4 * step, y)
        if page.evaluate("() => Promise.race([landscapeTurned.then(() => true), false])"):
            break
    page.mouse.up()
    return page.evaluate("() => landscapeTurned")


def opening(opened, url, throttle, *, touch):
    """Seconds until each thing was there, and the milliseconds that drag and reading took.

    `touch` is what is done to the recorded run: `read`, `turn`, or nothing.
    """
    guest = Visitor(opened, url)
    page = guest.page
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WATCH)
    if throttle > 1:
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    began = 1000 * time.time()
    page.goto(url, wait_until="commit")
    if touch:
        page.wait_for_function("() => window.landscapeSeen['landscape-interactive']")
        read = page.evaluate(READ) if touch == "read" else None
        turned = dragged(page) if touch == "turn" else None
    else:
        read = turned = None
        page.wait_for_function("() => window.landscapeSeen.live")
        if page.evaluate("() => Boolean(window.landscapeStage)"):
            page.wait_for_function("() => !document.getElementById('stage')")
    seen = page.evaluate("() => window.landscapeSeen")
    errors = guest.errors + guest.strangers
    page.context.close()
    since = {
        name: (seen[mark] - began) / 1000
        for name, mark in (
            ("interactive", "landscape-interactive"),
            ("live", "live"),
            ("handed over", "landscape-handed-over"),
        )
        if mark in seen
    }
    for name, found in (("read", read), ("turned", turned)):
        if found:
            since[name] = (found["at"] - began) / 1000
            since[f"{name}, ms"] = found["took"]
    return since, errors


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def opened_at(host, folder):
    """The address of a page on a server that has just started."""
    if host != "site":
        with served(host, folder) as url:
            yield url
        return
    site = [Path(sys.executable).with_name("landscape"), "site", "-o", folder / "site"]
    subprocess.run(site, check=True)
    pages = functools.partial(Quiet, directory=str(folder / "site"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/presets/spirals.html"
    finally:
        server.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hosts", nargs="+", choices=["voila", "panel", "site"])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--throttle", type=float, nargs="+", default=[1.0, 4.0])
    parser.add_argument("--only", choices=["touch", "wait"], help="one of both kinds of opening")
    options = parser.parse_args()
    rows = []
    with browser() as opened, tempfile.TemporaryDirectory() as folder:
        for host in options.hosts:
            with opened_at(host, Path(folder)) as url:
                for throttle in options.throttle:
                    found = measured(opened, host, url, throttle, options)
                    rows.append((host, f"{throttle:g}", *(found.get(name, "") for name in COLUMNS)))
    head = ("page", "browser slower by", *COLUMNS)
    lines = [head, ("---",) * len(head), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    where = (
        f"{platform.system()}, {psutil.cpu_count()} processors, no GPU; medians of {options.times}"
    )
    path = HERE / "results" / "first_picture.md"
    path.write_text(f"{__doc__.strip()}\n\n{where}.\n\n{table}\n", "utf-8")


def measured(opened, host, url, throttle, options):
    """The medians of a host, of openings that are touched and of others left alone, printed too."""
    touched, medians = ["read", "turn"], {}
    if host == "site":
        options = argparse.Namespace(**{**vars(options), "only": "touch"})
    for touch in {"touch": touched, "wait": [""], None: [*touched, ""]}[options.only]:
        found = {}
        for _ in range(options.times):
            try:
                since, errors = opening(opened, url, throttle, touch=touch)
            except Error as error:
                print(f"{host}: {error}", flush=True)
                continue
            for name, value in since.items():
                found.setdefault(name, []).append(value)
            said = ", ".join(f"{name} {value:.2f}" for name, value in since.items())
            load = os.getloadavg()[0]
            print(
                f"{host} x{throttle:g}: {said}; load {load:.0f}, errors {errors or 'none'}",
                flush=True,
            )
        medians |= {
            k: f"{statistics.median(v):.{0 if k.endswith('ms') else 2}f}" for k, v in found.items()
        }
        middle = ", ".join(f"{k} {medians[k]}" for k in found)
        print(f"{host} x{throttle:g}, median of {options.times}: {middle}", flush=True)
    return medians


if __name__ == "__main__":
    main()
