"""Voila behind the guard, as a visitor, a foreign page and a program meet it."""

import contextlib
import http.cookiejar
import json
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from browser_support import Visitor, browser
from landscape_lab.hosting import server
from landscape_lab.hosting.access import PASSWORD, Access
from landscape_lab.hosting.guard import HEADERS
from waiting import until

pytestmark = pytest.mark.timeout(180)


class Client:
    """A program that keeps cookies, as a browser does; no script of a page is run."""

    def __init__(self, url):
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path="", **headers):
        """Status, text and headers of an answer."""
        asked = urllib.request.Request(
            self.url + path,
            headers={"Accept": "text/html"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )
        try:
            with self.opener.open(asked, timeout=60) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def enter(self):
        """The status of the page after the one that every visitor gets first."""
        self.get()
        return self.get()[0]


def health(url):
    """What the server says of itself."""
    return json.loads(Client(url).get("health")[1])


def pages(url):
    """How many pages the server counts."""
    return health(url)["pages"]


def kernels(process):
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            if "ipykernel_launcher" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A page that says nothing: what is asked is who is let in."""
    path = tmp_path_factory.mktemp("page") / "page.ipynb"
    content = json.loads(server.NOTEBOOK.read_text("utf-8"))
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    content["cells"] = [cell | {"id": "cell0", "source": "print('here')"}]
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def two_places(notebook):
    """The address of a server for two pages, and its process."""
    port = server.free_port()
    url = server.address(port, path="lab")
    argv, env = server.voila_command(
        port, notebook=notebook, base_url="lab", access=Access(sessions=2, names=("lab.example",))
    )
    argv += ["--BoundedKernels.opening=10"]  # what is asked meanwhile takes its time, too
    with server.running((argv, env), url, output=subprocess.DEVNULL) as process:
        yield url, process


NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
PLAYS = "landscapePlayer.createPlayer"
"""In every page that shows the recorded run."""


def navigated(client, holds=PLAYS):
    """What a browser has of the page as soon as that holds a word; the rest is still to come."""
    answer = client.opener.open(urllib.request.Request(client.url, headers=NAVIGATES), timeout=60)
    text = ""
    while holds not in text and (more := answer.read1()):
        text += more.decode(errors="replace")
    assert holds in text
    return answer


def came_back(client, **headers):
    """The status of the answer to a ticket that comes back."""
    asked = urllib.request.Request(client.url, method="POST", headers=headers)
    try:
        with client.opener.open(asked, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_browser_has_the_recorded_run_at_once_and_a_kernel_once_its_ticket_is_back(two_places):
    url, process = two_places
    client = Client(url)
    with navigated(client) as answer:
        assert (answer.status, answer.headers["X-Accel-Buffering"]) == (200, "no")
        assert (pages(url), kernels(process)) == (0, [])
        assert came_back(client) == 204
        assert pages(url) == 1
        rest = answer.read().decode()
    assert "rendered_cells" in rest
    assert "here" in rest
    assert came_back(client) == 409  # it was used
    until(lambda: pages(url) == 0, "the end of a page that does not connect")


def test_each_of_two_pages_of_one_browser_goes_on_once_its_own_ticket_is_back(two_places):
    url, _ = two_places
    client = Client(url)
    with navigated(client) as first, navigated(client) as second:
        assert [came_back(client), came_back(client)] == [204, 204]
        assert all("rendered_cells" in answer.read().decode() for answer in (first, second))
    until(lambda: pages(url) == 0, "the end of pages that do not connect")


def test_a_page_whose_ticket_does_not_come_back_ends_and_starts_nothing(two_places):
    url, process = two_places
    client = Client(url)
    with navigated(client) as answer:
        assert "rendered_cells" not in answer.read().decode()
    assert came_back(client) == 409
    assert (pages(url), kernels(process)) == (0, [])


def test_a_page_that_is_closed_before_its_ticket_is_back_leaves_nothing(two_places):
    url, process = two_places
    client = Client(url)
    navigated(client).close()
    assert came_back(client) in (204, 409)  # before the server has noticed, or after
    until(lambda: (pages(url), kernels(process)) == (0, []), "its end")
    assert came_back(client) == 409


def test_tickets_of_nobody_and_of_foreign_pages_start_nothing(two_places):
    url, process = two_places
    assert came_back(Client(url)) == 409
    client = Client(url)
    with navigated(client):
        assert came_back(client, Origin="http://evil.example") == 403
        assert (pages(url), kernels(process)) == (0, [])


def test_a_browser_that_finds_all_places_taken_waits(two_places):
    url, _ = two_places
    others = [Client(url) for _ in range(2)]
    late = Client(url)
    with navigated(late):  # there was room then
        assert [one.enter() for one in others] == [200, 200]
        assert came_back(late) == 409
    with pytest.raises(urllib.error.HTTPError) as full:
        navigated(late)
    with full.value as answer:
        assert answer.code == 503
        assert "You are next." in answer.read().decode()
    until(lambda: pages(url) == 0, "all to end")


INPUTS = "window.inputs = setInterval(() => dispatchEvent(new Event('keydown')), 100)"
"""Somebody types, so that a slow machine ends no page before the test begins."""

FOREIGN_IMAGE = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "image"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": "http://evil.example"},
        {"Sec_Fetch_Mode": "no-cors", **FOREIGN_IMAGE},
        {"Sec_Purpose": "prefetch"},
    ],
)
@pytest.mark.parametrize("path", ["", "api/kernels/x-x-x-x-x/channels"])
def test_what_a_foreign_page_asks_is_refused_and_starts_nothing(two_places, headers, path):
    url, process = two_places
    client = Client(url)
    for _ in range(2):
        status, text, answered = client.get(path, **headers)
        assert status == 403
        assert "cannot open here" in text
        assert {name: answered[name] for name in HEADERS} == HEADERS
    assert pages(url) == 0
    assert kernels(process) == []


def test_programs_that_load_the_page_once_start_nothing(two_places):
    url, process = two_places
    for _ in range(20):
        assert Client(url).get()[0] == 200
    assert Client(url).get("health", Host="10.0.0.1")[0] == 200
    assert (pages(url), kernels(process)) == (0, [])


def test_two_visitors_enter_the_others_wait_in_order_and_enter_later(two_places):
    url, process = two_places
    visitors = [Client(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(Client.enter, visitors))
    assert sorted(statuses) == [200, 200, 503, 503]
    assert len(kernels(process)) == 2
    waiting = [one for one, status in zip(visitors, statuses, strict=True) if status == 503]
    texts = [one.get(Host="lab.example")[1] for one in waiting]
    assert len(kernels(process)) == 2  # they are answered meanwhile, not after the kernels
    assert ["You are next." in text for text in texts].count(True) == 1
    assert ["1 visitor came before you." in text for text in texts].count(True) == 1
    # Nobody connects to the first two: their places are free after a few seconds.
    for one in sorted(waiting, key=lambda one: "You are next." not in one.get()[1]):
        until(lambda one=one: one.get()[0] == 200, "a place")
    until(lambda: pages(url) == 0, "all to end")


def test_a_page_that_is_closed_while_it_loads_leaves_no_kernel(two_places):
    url, process = two_places
    client = Client(url)
    client.get()
    with client.opener.open(url, timeout=60):
        until(lambda: kernels(process), "a kernel")
    until(lambda: pages(url) == 0, "its end")
    assert kernels(process) == []


def test_pages_that_are_closed_while_they_load_leave_no_traceback_in_the_log(notebook, tmp_path):
    port = server.free_port()
    url = server.address(port)
    command = server.voila_command(port, notebook=notebook, access=Access(sessions=2))
    log = tmp_path / "log.txt"
    with log.open("wb") as output, server.running(command, url, output=output) as process:
        for _ in range(3):
            client = Client(url)
            client.get()
            with client.opener.open(url, timeout=60):
                until(lambda: kernels(process), "a kernel")
            until(lambda: pages(url) == 0, "its end")
        assert Client(url).enter() == 200  # and the server goes on
    assert "Traceback" not in log.read_text()


@pytest.mark.exhaustive
@pytest.mark.browser
def test_a_visitor_waits_for_a_place_and_then_stands_where_the_link_leads(two_places):
    url, process = two_places
    with browser() as chromium:
        first, second, third = (Visitor(chromium, url) for _ in range(3))
        for visitor in (first, second):
            visitor.open("#preset=spirals&step=20", "#rendered_cells >> text=here")
        third.open("#preset=spirals&step=20", "#waiting[data-place='1']")
        assert "You are next." in third.page.locator("main").inner_text()
        first.page.goto("about:blank")  # a page that is left says so
        third.page.locator("#rendered_cells >> text=here").wait_for(timeout=30_000)
        assert third.page.url.endswith("#preset=spirals&step=20")
        third.page.reload()
        third.page.locator("#rendered_cells >> text=here").wait_for(timeout=60_000)
        assert [visitor.strangers for visitor in (first, second, third)] == [[], [], []]
        assert second.errors == []
        # Their browser's network breaks, which is not leaving: the kernels stay for a while.
        assert len(kernels(process)) == 2


@pytest.mark.browser
@pytest.mark.exhaustive
def test_an_idle_page_ends_and_one_with_input_or_a_run_does_not(tmp_path):
    port = server.free_port()
    url = server.address(port)
    argv, env = server.voila_command(port, access=Access(idle_timeout=0.1))
    env["LANDSCAPE_CACHE"] = str(tmp_path)
    with server.running((argv, env), url, output=subprocess.DEVNULL), browser() as chromium:
        visitor = Visitor(chromium, url)
        visitor.page.add_init_script(INPUTS)
        visitor.open().press("play")
        visitor.until(lambda: visitor.status() == "running", "the run to start")
        visitor.page.evaluate("clearInterval(window.inputs)")
        start = time.monotonic()
        while time.monotonic() < start + 12:
            visitor.painted()
        assert pages(url) == 1
        visitor.press("play")
        start = time.monotonic()
        while time.monotonic() < start + 12:
            visitor.page.mouse.move(5 + time.monotonic() % 50, 5)
            visitor.painted()
        assert pages(url) == 1
        visitor.until(lambda: pages(url) == 0, "the idle page to end")


def test_preheated_kernels_wait_for_visitors_and_end_with_them(notebook):
    port = server.free_port()
    url = server.address(port)
    argv, env = server.voila_command(
        port, notebook=notebook, preheated=1, access=Access(sessions=2, password="secret")
    )
    argv += ["--BoundedKernels.opening=1"]
    with server.running((argv, env), url, output=subprocess.DEVNULL) as process:
        until(lambda: health(url)["preheated"] == 1, "a preheated kernel")
        (heated,) = kernels(process)
        assert Client(url).get()[0] == 401
        visitor = Client(url)
        visitor.get("?token=secret")
        assert PASSWORD not in heated.environ()
        assert visitor.get()[0] == 200
        until(lambda: not heated.is_running(), "the end of a page that did not connect")
        until(lambda: len(kernels(process)) == 1, "the next preheated kernel")
