"""`landscape serve` ends a page that nobody uses, and gives its place to others."""

import json
import os
import subprocess
import time
import urllib.request

import pytest

from browser_support import ROOT, Visitor, browser
from landscape_lab.hosting import handover, server
from landscape_lab.hosting.access import Access

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SECONDS = 3.0

PAGE = """
import panel as pn

from landscape_lab.bridge.jupyter import setup, show

setup()

from landscape_lab.components.heartbeat.heartbeat import Heartbeat

show(pn.Column(pn.pane.Str("here", css_classes=["here"]), Heartbeat().view))
"""

RUNS = "addEventListener('DOMContentLoaded', () => { document.body.dataset.status = 'running' })"
"""A run goes on from the start, so that a slow machine ends no page early."""

HERE = ".here >> text=here"


def pages(url):
    """How many pages the server counts."""
    with urllib.request.urlopen(f"{url}health", timeout=60) as answer:
        return json.load(answer)["pages"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("processes", [1, 2])
def test_an_idle_page_says_so_frees_its_place_and_opens_again(tmp_path, processes):
    if processes > 1 and not handover.possible:
        pytest.skip("this system hands over no connections")
    script = tmp_path / "page.py"
    script.write_text(PAGE)
    port = server.free_port()
    url = server.address(port)
    limits = Access(idle_timeout=SECONDS / 60, sessions=1)
    argv, env = server.panel_command(port, script=script, processes=processes, access=limits)
    env |= {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app")))}
    with server.running((argv, env), url, output=subprocess.DEVNULL), browser() as chromium:
        visitor = Visitor(chromium, f"{url}page")
        visitor.page.add_init_script(RUNS)
        visitor.open("#preset=spirals", HERE)
        start = time.monotonic()
        visitor.until(lambda: time.monotonic() > start + 2 * SECONDS, "two timeouts to pass")
        assert pages(url) == 1
        visitor.page.evaluate("document.body.dataset.status = 'paused'")
        cover = visitor.page.locator(".landscape-gone[role=alert]")
        cover.wait_for(timeout=60_000)
        assert "no run and no input" in cover.inner_text()
        visitor.until(lambda: pages(url) == 0, "the place of the page that ended", patience=60.0)
        cover.locator("button").click()
        visitor.page.locator(HERE).wait_for(timeout=60_000)
        assert visitor.page.url.endswith("#preset=spirals")
