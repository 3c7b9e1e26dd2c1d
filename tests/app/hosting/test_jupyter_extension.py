"""Voila in a Jupyter server, as on Binder and JupyterHub: who starts a kernel there."""

import contextlib
import http.cookiejar
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from browser_support import ROOT
from landscape_lab.hosting import server
from waiting import until

pytestmark = pytest.mark.timeout(300)

BINDER = Path(__file__).resolve().parents[3] / "binder"
HUB = BINDER.parent / "deploy" / "jupyterhub" / "jupyterhub_config.py"
TOKEN = "word"
PAGE = f"voila/render/page.ipynb?token={TOKEN}"
NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """The address of a server with the settings of Binder, under a prefix as on a hub."""
    folder = tmp_path_factory.mktemp("jupyter")
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    content = json.loads(server.NOTEBOOK.read_text("utf-8"))
    content["cells"] = [cell | {"id": "cell0", "source": "print('here')"}]
    (folder / "page.ipynb").write_text(json.dumps(content))
    port = server.free_port()
    argv = [
        *(sys.executable, "-m", "jupyter_server", f"--port={port}", "--ServerApp.port_retries=0"),
        *("--no-browser", "--allow-root", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"),
        *(f"--IdentityProvider.token={TOKEN}", "--ServerApp.base_url=/user/ada/"),
        *("--BoundedKernels.places=2", "--BoundedKernels.opening=1"),
    ]
    env = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(folder / "settings"),
        "JUPYTER_CONFIG_PATH": os.pathsep.join((str(server.SHARE), str(BINDER))),
        "JUPYTER_PATH": str(server.SHARE / "jupyter"),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app"))),
    }
    url = server.address(port, path="user/ada")
    with server.running((argv, env), url, output=subprocess.DEVNULL) as process:
        yield url, process


class Client:
    """A browser that keeps cookies; no script of a page is run."""

    def __init__(self, url):
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path, **headers):
        """Status and text of an answer."""
        asked = urllib.request.Request(self.url + path, headers={"Accept": "text/html", **headers})
        try:
            with self.opener.open(asked, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def kernels(process):
    """How many kernels the server has; to ask it about them would keep them alive."""
    found = 0
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found += "ipykernel_launcher" in " ".join(child.cmdline())
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "none", "Sec-Purpose": "prefetch;prerender", **NAVIGATES},
    ],
)
def test_what_no_visitor_asks_for_is_refused_and_starts_nothing(jupyter, headers):
    url, process = jupyter
    client = Client(url)
    for _ in range(3):
        status, text = client.get(PAGE, **headers)
        assert status == 403
        assert "cannot open here" in text
    assert kernels(process) == 0


def test_a_program_that_loads_the_page_once_starts_nothing(jupyter):
    url, process = jupyter
    for _ in range(5):
        status, text = Client(url).get(PAGE)
        assert (status, "Opening Landscape Lab" in text) == (200, True)
    assert kernels(process) == 0


def test_a_page_without_the_login_leads_to_it(jupyter):
    url, process = jupyter
    client = Client(url)
    for _ in range(2):
        assert 'action="/user/ada/login' in client.get("voila/render/page.ipynb")[1]
    assert kernels(process) == 0


@pytest.mark.parametrize("site", ["none", "cross-site"])
def test_a_link_and_the_redirect_of_a_hub_open_the_page(jupyter, site):
    url, process = jupyter
    client = Client(url)
    asked = urllib.request.Request(
        url + PAGE, headers={"Accept": "text/html", **NAVIGATES, "Sec-Fetch-Site": site}
    )
    with client.opener.open(asked, timeout=120) as answer:
        text = answer.read1().decode()
        assert "ticket in a cookie comes back" in text
        assert kernels(process) == 0
        # as the script at the beginning of the page does
        back = urllib.request.Request(
            url + PAGE, method="POST", headers={"Sec-Fetch-Site": "same-origin"}
        )
        with client.opener.open(back, timeout=60) as came:
            assert came.status == 204
        text += answer.read().decode()
    assert "here" in text
    assert "rendered_cells" in text
    assert kernels(process) >= 1
    until(lambda: kernels(process) == 0, "the end of a page that did not connect")


def test_a_ticket_that_comes_back_without_the_login_opens_nothing(jupyter):
    url, process = jupyter
    back = urllib.request.Request(f"{url}voila/render/page.ipynb", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        Client(url).opener.open(back, timeout=60)
    with refused.value as answer:
        assert answer.code in (403, 409)
    assert kernels(process) == 0


def test_the_hub_enables_the_extension():
    words = HUB.read_text()
    assert (
        "--ServerApp.jpserver_extensions={'landscape_lab.hosting.jupyter_extension': True}" in words
    )
