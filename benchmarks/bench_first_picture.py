"""How soon a page has a picture that can be turned and read, and when the live one replaces it.

`python benchmarks/bench_first_picture.py voila panel site --times 5 --throttle 1 4`

Every opening has a new window and, in Voila, a new kernel that was not started before. Times are
seconds from the request (`page.goto`), the coming back of the visitor's ticket included; the
processor of the browser is slowed down by Chromium, and nothing is asked of the page meanwhile: it
says by itself what has happened. Prints, for each opening: until the recorded run is seen and can
be read (interactive); until its surface is made, so that a drag turns it (turnable); until a
pointer that came as soon as it could be read has shown a value, or a drag that began as soon as it
could be turned has turned it, each with the milliseconds from the movement of the mouse to the
end of the frame that answers it; and, in openings that are left alone,
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
    "interactive", "read", "read, ms", "turnable", "turned", "turned, ms", "live", "handed over",
)  # fmt: skip
"""What is measured, in seconds from the request unless it says otherwise."""

MIDDLE = (720, 384)
"""Where the mouse goes: into the picture of every page, in a window of 1366 by 768."""

PATIENCE = 240_000
"""Milliseconds after which an opening is given up."""

MARKS = """
const seen = window.landscapeSeen = {};
new PerformanceObserver(list => {
  for (const {name, startTime} of list.getEntries()) {
    if (!name.startsWith("landscape-") || name in seen) continue;
    seen[name] = performance.timeOrigin + startTime;
    console.debug(name, seen[name]);
  }
}).observe({type: "mark", buffered: true});
"""
"""When something was first to be seen, in milliseconds since 1970; said in the console, too."""

LIVE = """
const found = selector => {
  const roots = [document];
  for (const root of roots) {
    const hit = [...root.querySelectorAll(selector)].find(node => !node.closest("#stage"));
    if (hit) return hit;
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) roots.push(node.shadowRoot);
  }
};
const look = setInterval(() => {
  if (!found(".bar[data-frame]")) return;
  clearInterval(look);
  performance.mark("landscape-live");
}, 50);
"""
"""Says when the live picture is drawn; as looking takes time, nothing else is measured with it."""

ANSWERS = """
const part = name => document.querySelector(`.landscape-player .${name}`);
const deep = name => part("deep").shadowRoot.querySelector(name);
const answer = {
  read: {
    of: () => part("flat").checkVisibility() ? part("tip") : deep(".tip"),
    is: tip => !tip.hidden && tip.textContent,
  },
  turn: {of: () => deep("canvas"), is: canvas => canvas.dataset.camera},
}[TOUCH];
let moved = false;
addEventListener("pointermove", event => {
  if (moved || TOUCH === "turn" && !(event.buttons & 1)) return;
  moved = true;
  const node = answer.of(), before = answer.is(node), frame = new MessageChannel();
  const took = () => performance.now() - event.timeStamp;
  frame.port1.onmessage = () => performance.mark(`landscape-answered-${took()}`);
  const watcher = new MutationObserver(() => {
    if (answer.is(node) === before) return;
    watcher.disconnect();
    frame.port2.postMessage(0);
  });
  watcher.observe(node, {attributes: true});
}, {capture: true});
"""
"""Notes when a first movement of the mouse has shown a value, or a drag has turned the picture."""


class Opening:
    """A page that says what happens in it."""

    def __init__(self, opened, url, throttle, touch):
        """Ask for the page; `touch`: `read`, `turn`, or nothing."""
        self.said = {}
        self.guest = Visitor(opened, url)
        self.page = page = self.guest.page
        page.set_default_timeout(PATIENCE)
        page.on("console", self.hear)
        more = f"const TOUCH = {touch!r};{ANSWERS}" if touch else LIVE
        page.add_init_script(f"(() => {{{MARKS}{more}}})()")
        if throttle > 1:
            session = page.context.new_cdp_session(page)
            session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
        self.began = 1000 * time.time()
        page.goto(url, wait_until="commit")

    def hear(self, message):
        """Keep what the page says, in seconds from the request."""
        name, _, at = message.text.partition(" ")
        if name.startswith("landscape-"):
            self.said[name.removeprefix("landscape-")] = (float(at) - self.began) / 1000

    def wait(self, begins):
        """The name of what has happened."""
        start = time.monotonic()
        while time.monotonic() - start < PATIENCE / 1000:
            for name in self.said:
                if name.startswith(begins):
                    return name
            self.page.wait_for_timeout(5)
        raise Error(f"{begins}: nothing in {PATIENCE} ms; {self.guest.errors}")


def opening(opened, url, throttle, *, touch):
    """Seconds until each thing was there, and the milliseconds that drag and reading took.

    `touch` is what is done to the recorded run: `read`, `turn`, or nothing.
    """
    one = Opening(opened, url, throttle, touch)
    mouse, x, y = one.page.mouse, *MIDDLE
    if touch == "read":
        one.wait("interactive")
        for step in range(9):
            mouse.move(x + step, y)
    if touch == "turn":
        one.wait("turnable")
        mouse.move(x, y)
        mouse.down()
        for step in range(1, 9):
            mouse.move(x + 8 * step, y)
    if touch:
        name = one.wait("answered-")
        at, took = one.said.pop(name), float(name.removeprefix("answered-"))
        done = {"read": "read", "turn": "turned"}[touch]
        one.said |= {done: at, f"{done}, ms": took}
    else:
        one.wait("live")
        if one.page.evaluate("() => Boolean(window.landscapeStage)"):
            one.said["handed over"] = one.said[one.wait("handed-over")]
    errors = one.guest.errors + one.guest.strangers
    one.page.context.close()
    return {name: one.said[name] for name in COLUMNS if name in one.said}, errors


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
