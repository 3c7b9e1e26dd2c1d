"""What a health check, a foreign page and aborted loads cost the server of `landscape app`.

Prints a table and writes it to `benchmarks/results/admission.md`. Three things happen to one server
each, which serves the default page to the number of visitors that the machine bears:

- a program loads the page once a second for two minutes and keeps nothing; then one that keeps
  cookies and so is admitted, but never connects;
- a page of another site shows ours as an image a hundred times, in a browser;
- forty visitors load the page at once and close it within 0.3 s.

For each: the most processes of kernels and their memory at the same time, how long `health` took to
answer meanwhile (median and longest), whether a visitor was let in and drew a picture while it went
on, and how long after the last request everything had ended.
"""

import http.cookiejar
import http.server
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from browser_support import Visitor, browser  # noqa: E402 - shared with the tests
from landscape_lab.hosting import capacity, server  # noqa: E402
from landscape_lab.hosting.access import Access  # noqa: E402

SECONDS = 120
ABORTED = 40
ABORTED_AFTER = 0.3
LOOKS_A_SECOND = 5


class Watch:
    """Looks at a server again and again: its kernels, their memory, and how it answers."""

    def __init__(self, process, url):
        self.process, self.url = psutil.Process(process.pid), url
        self.kernels = self.memory = 0
        self.waits = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def look(self):
        while not self.over.wait(1 / LOOKS_A_SECOND):
            alive = kernels(self.process)
            self.kernels = max(self.kernels, len(alive))
            self.memory = max(self.memory, sum(alive.values()))
            began = time.perf_counter()
            urllib.request.urlopen(f"{self.url}health", timeout=60).read()
            self.waits.append(time.perf_counter() - began)


def kernels(process):
    """The kernels of a server and the bytes of each."""
    found = {}
    for child in process.children(recursive=True):
        try:
            if "ipykernel_launcher" in " ".join(child.cmdline()):
                found[child.pid] = child.memory_info().rss
        except psutil.Error:
            continue
    return found


def get(url, *, returns=False):
    """Load the page once, or as a browser does that returns with its cookies."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(jar)
    try:
        opener.open(url, timeout=60).read()
        if returns:
            opener.open(url, timeout=60).read()
    except (urllib.error.HTTPError, OSError):
        pass  # refused, or told to wait


def once_a_second(url, *, returns):
    """One load a second, whether or not the one before has been answered."""
    with ThreadPoolExecutor(64) as pool:
        began = time.monotonic()
        for second in range(SECONDS):
            pool.submit(get, url, returns=returns)
            time.sleep(max(0.0, began + second + 1 - time.monotonic()))


def foreign_page(url):
    """A page of another site that shows ours as an image a hundred times."""
    images = "".join(f'<img src="{url}?{number}">' for number in range(100))

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(images.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as made:
        threading.Thread(target=made.serve_forever).start()
        with browser() as opened:
            page = opened.new_page()
            page.goto(f"http://localhost:{made.server_port}", wait_until="load")
            page.wait_for_timeout(10_000)
        made.shutdown()


def aborted_load(url):
    """Return with the cookie of the first answer, as browsers do, and go before the page comes."""
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )
    try:
        opener.open(url, timeout=60).read()
        opener.open(url, timeout=ABORTED_AFTER).read()
    except OSError:
        pass  # the time is over, or the page of the queue has come


def aborted_loads(url):
    """Forty loads at once, aborted after 0.3 s."""
    with ThreadPoolExecutor(ABORTED) as pool:
        list(pool.map(aborted_load, [url] * ABORTED))


TRIALS = {
    f"one load a second for {SECONDS} s": lambda url: once_a_second(url, returns=False),
    "the same, with cookies": lambda url: once_a_second(url, returns=True),
    "100 images on a foreign page": foreign_page,
    f"{ABORTED} loads aborted after {ABORTED_AFTER:g} s": aborted_loads,
}


def visited(url):
    """Seconds until a visitor who comes meanwhile has a picture."""
    with browser() as opened:
        guest = Visitor(opened, url)
        began = time.perf_counter()
        guest.page.goto(url, wait_until="commit")
        guest.page.locator(".bar[data-frame]").first.wait_for(timeout=180_000)
        return time.perf_counter() - began


def trial(name, work):
    """One row of the table."""
    port = server.free_port()
    url = server.address(port)
    argv, env = server.voila_command(port, access=Access(sessions=capacity.places()))
    with (
        tempfile.TemporaryDirectory() as cache,
        server.running(
            (argv, env | {"LANDSCAPE_CACHE": cache}), url, output=subprocess.DEVNULL
        ) as process,
        Watch(process, url) as watch,
        ThreadPoolExecutor(1) as pool,
    ):
        guest = pool.submit(visited, url)
        work(url)
        last = time.monotonic()
        first_picture = guest.result()
        while kernels(psutil.Process(process.pid)):
            time.sleep(0.1)
        ended = time.monotonic() - last
    return (
        f"| {name} | {watch.kernels} | {watch.memory / 2**20:.0f} "
        f"| {1000 * statistics.median(watch.waits):.0f} / {1000 * max(watch.waits):.0f} "
        f"| {first_picture:.1f} | {ended:.1f} |"
    )


def main():
    """Write the table."""
    lines = [
        "# Loads that nobody looks at",
        "",
        f"Measured by `benchmarks/bench_admission.py` on {psutil.cpu_count()} processors, Python "
        f"{platform.python_version()}; at most {capacity.places()} pages. One visitor comes at the "
        "same time and must see a picture; *ended* counts from the last load or from when this "
        "visitor has left, whichever is later.",
        "",
        "| | kernels at most | MB at most | `health`, median / longest, ms "
        "| visitor's first picture, s | all ended after, s |",
        "|---|---|---|---|---|---|",
    ]
    for name, work in TRIALS.items():
        lines.append(trial(name, work))
        print(lines[-1], flush=True)
    (HERE / "results" / "admission.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
