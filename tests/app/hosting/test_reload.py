"""Who loads a page anew on a full server has its place again, before those who wait for one."""

import json
import os
import subprocess
import urllib.request

import pytest

from browser_support import ROOT, Visitor, browser
from landscape_lab.hosting import handover, server
from landscape_lab.hosting.access import Access

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCRIPT = (
    "import panel as pn\npn.extension()\npn.pane.Str('here', css_classes=['here']).servable()\n"
)
HERE = "text='here'"


def pages(url):
    """How many pages the server counts."""
    with urllib.request.urlopen(f"{url}health", timeout=60) as answer:
        return json.load(answer)["pages"]


def voila(folder, port):
    """The command of a Voila for one page, and where that lies."""
    path = folder / "page.ipynb"
    content = json.loads(server.NOTEBOOK.read_text("utf-8"))
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    content["cells"] = [cell | {"id": "cell0", "source": "print('here')"}]
    path.write_text(json.dumps(content))
    return server.voila_command(port, notebook=path, access=Access(sessions=1)), ""


def panel(processes):
    """As `voila`, for so many processes of Panel."""

    def command(folder, port):
        script = folder / "page.py"
        script.write_text(SCRIPT)
        made = server.panel_command(
            port, script=script, processes=processes, access=Access(sessions=1)
        )
        return made, "page"

    return command


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(voila, marks=pytest.mark.exhaustive),
        pytest.param(panel(1), marks=pytest.mark.exhaustive),
        panel(2),
    ],
    ids=["voila", "panel", "processes"],
)
def test_a_reloaded_page_keeps_its_place(tmp_path, kind):
    if kind is not voila and not handover.possible:
        pytest.skip("this system hands over no connections")
    port = server.free_port()
    url = server.address(port)
    (argv, env), path = kind(tmp_path, port)
    env |= {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app")))}
    with server.running((argv, env), url, output=subprocess.DEVNULL), browser() as chromium:
        first, waits = (Visitor(chromium, f"{url}{path}") for _ in range(2))
        first.open(wait_for=HERE)
        waits.open(wait_for="#waiting[data-place='1']")
        for _ in range(2):
            first.page.reload(wait_until="commit")
            first.page.locator(HERE).first.wait_for(timeout=60_000)
            assert pages(url) == 1
            waits.page.locator("#waiting[data-place='1']").wait_for(timeout=60_000)
