"""How long a visitor waits, and how fast the pictures come, in a headless browser.

Prints a table and writes it to `benchmarks/results/app.md`. The browser paints in software, on the
same processors as the app: a machine with a GPU is faster.

For each server: seconds from asking for the page to its first live picture (median of three, each
in a new window; in JupyterLab from opening the notebook, which is then run by hand); milliseconds
from a changed control to the first surface that obeys it while a run goes on (the resolution,
median of twelve); milliseconds from a press of the time line's button to the picture of the step
before, and from an optimizer chosen anew to the first picture of its run (medians of twelve);
pictures a second while an MLP 2-16-16-2 trains on spirals with a picture of 51x51 points, flat and
in three dimensions, and flat in a browser on a processor six times slower; megabytes of the Python
process that serves the page. Before each of them how fast the machine was then, as millions of
additions that a loop of Python makes a second: shared machines differ by half.
"""

import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from bench_openings import PATIENCE, hosted  # noqa: E402 - beside it, but not where tests look
from browser_support import browser  # noqa: E402 - shared with the tests

SECONDS = 8.0
SLOWER = 6


def additions_a_second():
    """Millions of additions of a loop of Python: how fast the machine is just now."""
    began, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return 10 / (time.perf_counter() - began)


def arrived(guest, start):
    """Seconds until the live app is there, of which the recorded run gives way at once."""
    began = time.perf_counter()
    start(guest)
    guest.page.locator(".bar[data-frame]").first.wait_for(timeout=1000 * PATIENCE)
    took = time.perf_counter() - began
    guest.page.evaluate("() => window.landscapeStage?.give()")
    guest.page.locator("#stage").wait_for(state="detached")
    return took


def first_pictures(opened, visitor, start, times=3):
    """Seconds from asking to the first picture, each in a new window."""
    waits = []
    for number in range(times):
        guest = visitor(opened, number)
        waits.append(arrived(guest, start))
        guest.page.close()
    return statistics.median(waits)


def pictures_a_second(guest):
    """Pictures drawn a second while the run goes on."""
    start, began = guest.frame(), time.perf_counter()
    guest.page.wait_for_timeout(1000 * SECONDS)
    return (guest.frame() - start) / (time.perf_counter() - began)


def answer_time(guest):
    """Median milliseconds from a value entered in a control to the surface that obeys it."""
    script = """async ([selector, side]) => {
      const find = (root, what) => { for (const e of root.querySelectorAll("*")) {
        if (e.matches(what)) return e;
        const inner = e.shadowRoot && find(e.shadowRoot, what); if (inner) return inner; } };
      const input = find(document, selector), canvas = find(document, "canvas[data-frames]");
      const began = performance.now();
      input.value = String(side); input.dispatchEvent(new Event("change"));
      while (Number(canvas.dataset.points) !== side * side && performance.now() - began < 9000)
        await new Promise(requestAnimationFrame);
      return performance.now() - began; }"""
    waits = []
    for turn in range(12):
        side = 51 if turn % 2 else 41
        waits.append(guest.page.evaluate(script, ["input[data-path='slice.resolution']", side]))
        guest.page.wait_for_timeout(400)
    return statistics.median(waits)


def next_picture(guest, act):
    """Median milliseconds from something done in the browser to the next picture, held."""
    script = """async act => {
      const find = (root, what) => { for (const e of root.querySelectorAll("*")) {
        if (e.matches(what)) return e;
        const inner = e.shadowRoot && find(e.shadowRoot, what); if (inner) return inner; } };
      const bar = find(document, ".bar[data-frame]"), before = bar.dataset.frame;
      const began = performance.now();
      new Function("find", "turn", act[0])(find, act[1]);
      while (bar.dataset.frame === before && performance.now() - began < 9000)
        await new Promise(requestAnimationFrame);
      return performance.now() - began; }"""
    waits = []
    for turn in range(12):
        waits.append(guest.page.evaluate(script, [act, turn]))
        guest.at_rest()
    return statistics.median(waits)


BACK = 'find(document, "button[data-seek=previous]").click()'
OTHER = """const menu = find(document, "select[data-path='run.optimizer']");
menu.value = turn % 2 ? "adam" : "sgd"; menu.dispatchEvent(new Event("change"))"""


def memory(url):
    """Resident megabytes of the largest Python process that serves this address."""
    port = url.split(":")[2].split("/")[0]
    servers = [
        p for p in psutil.process_iter(["cmdline"]) if port in " ".join(p.info["cmdline"] or [])
    ]
    family = [member for p in servers for member in (p, *p.children(recursive=True))]
    kernels = [p for p in family if "ipykernel" in " ".join(p.cmdline())] or family
    return max(p.memory_info().rss for p in kernels) / 2**20


def measure(opened, kind, label, cache, **options):
    """One row of the table."""
    speed = additions_a_second()
    with hosted(kind, cache, **options) as (visitor, start):
        if options.get("preheated"):
            time.sleep(15)  # the pool fills
        first = first_pictures(opened, visitor, start)
        guest = visitor(opened, -1)
        arrived(guest, start)
        guest.at_rest()
        guest.press("play")
        guest.page.wait_for_timeout(2000)
        flat = pictures_a_second(guest)
        guest.press("view-3d")
        guest.page.locator("canvas[data-frames]").wait_for(timeout=1000 * PATIENCE)
        guest.page.wait_for_timeout(2000)
        deep, answer = pictures_a_second(guest), answer_time(guest)
        guest.press("play")
        guest.at_rest()
        guest.press("view-2d")
        guest.at_rest()
        back, other = next_picture(guest, BACK), next_picture(guest, OTHER)
        slow = guest.page.context.new_cdp_session(guest.page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        guest.press("play")
        guest.page.wait_for_timeout(2000)
        slowly = pictures_a_second(guest)
        row = (
            label,
            f"{speed:.1f}",
            f"{first:.1f}",
            f"{answer:.0f}",
            f"{back:.0f}",
            f"{other:.0f}",
            f"{flat:.1f}",
            f"{deep:.1f}",
            f"{slowly:.1f}",
            f"{memory(guest.url):.0f}",
        )
        guest.page.close()
    return row


def main():
    """Measure every server and write the table."""
    head = (
        "server",
        "additions, 10⁶/s",
        "first picture, s",
        "control to picture, ms",
        "look back, ms",
        "other optimizer, ms",
        "2-D, 1/s",
        "3-D, 1/s",
        f"2-D, {SLOWER} times slower, 1/s",
        "MB",
    )
    with tempfile.TemporaryDirectory() as cache, browser() as opened:
        rows = [
            measure(opened, "voila", "voila", Path(cache)),
            measure(opened, "voila", "voila, preheated", Path(cache), preheated=2),
            measure(opened, "panel", "panel serve, warm", Path(cache)),
            measure(opened, "jupyterlab", "jupyterlab", Path(cache)),
        ]
    lines = [head, ("---",) * len(head), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    where = f"{platform.system()}, {psutil.cpu_count()} processors, no GPU"
    text = f"{__doc__.strip()}\n\n{where}; browser in software.\n\n{table}\n"
    (HERE / "results" / "app.md").write_text(text, "utf-8")
    print(table)


if __name__ == "__main__":
    main()
