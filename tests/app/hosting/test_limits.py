"""No more kernels than there are places: who comes later is told so, and is let in later."""

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from tornado.web import HTTPError

from browser_support import Visitor, browser
from landscape_lab.hosting import limits, server
from landscape_lab.hosting.limits import (
    EACH,
    MEGABYTE,
    RESERVE,
    BoundedKernels,
    free_memory,
    places_in,
)
from waiting import until

pytestmark = pytest.mark.timeout(120)

GIGABYTE = 1024 * MEGABYTE


@pytest.fixture
def manager(tmp_path):
    """How a manager of kernels is asked for; all its kernels end with the test."""

    def run(work, **options):
        async def all_of_it():
            made = BoundedKernels(connection_dir=str(tmp_path), root_dir=str(tmp_path), **options)
            try:
                await work(made)
            finally:
                await made.shutdown_all(now=True)

        asyncio.run(all_of_it())

    return run


async def outcomes(manager, number, **options):
    """The kernels that were started of so many asked for at once; the others were refused."""
    asked = [manager.start_kernel(kernel_name="python3", **options) for _ in range(number)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, HTTPError)]
    assert {(error.status_code, error.log_message) for error in refused} <= {
        (503, f"all places are taken ({manager.places})")
    }
    started = [answer for answer in answers if isinstance(answer, str)]
    assert len(started) + len(refused) == number
    return started


def test_of_five_kernels_asked_for_at_once_two_are_started_and_an_ended_one_frees_its_place(
    manager,
):
    async def work(made):
        first, _ = await outcomes(made, 5)
        assert made.taken == 2
        assert await outcomes(made, 1) == []
        await made.shutdown_kernel(first)
        assert len(await outcomes(made, 2)) == 1
        assert made.taken == 2

    manager(work, places=2)


def test_a_kernel_that_does_not_start_frees_its_place(manager):
    async def work(made):
        with pytest.raises(Exception, match="no_such_kernel"):
            await made.start_kernel(kernel_name="no_such_kernel")
        assert len(await outcomes(made, 1)) == 1

    manager(work, places=1)


def test_the_place_of_a_page_that_has_left_is_given_to_one_visitor(manager):
    async def work(made):
        left, stays = await outcomes(made, 2)
        for kernel in (left, stays):
            made.notify_connect(kernel)
        made.notify_disconnect(left)
        made.get_kernel(left).execution_state = made.get_kernel(stays).execution_state = "idle"
        (new,) = await outcomes(made, 3)
        assert set(made.list_kernel_ids()) == {stays, new}

    manager(work, places=2, grace=0.0)


@pytest.mark.parametrize(
    ("state", "grace"), [("busy", 0.0), ("idle", 60.0)], ids=["computes", "has just left"]
)
def test_the_place_of_a_kernel_that_computes_or_may_be_connected_again_is_kept(
    manager, state, grace
):
    async def work(made):
        (one,) = await outcomes(made, 1)
        made.notify_connect(one)
        made.notify_disconnect(one)
        made.get_kernel(one).execution_state = state
        assert await outcomes(made, 1) == []

    manager(work, places=1, grace=grace)


def test_a_page_that_never_arrives_keeps_no_place_but_a_preheated_kernel_does(manager):
    async def work(made):
        (aborted,) = await outcomes(made, 1)
        (heated,) = await outcomes(made, 1, env={"VOILA_PREHEAT": "True"})
        made.get_kernel(aborted).execution_state = made.get_kernel(heated).execution_state = "idle"
        (new,) = await outcomes(made, 3)
        assert set(made.list_kernel_ids()) == {heated, new}

    manager(work, places=2, opening=0.0)


@pytest.mark.parametrize(
    ("memory", "places"),
    [
        (24 * GIGABYTE, 50),  # of the 90 that filled such a machine
        (RESERVE + 3 * EACH, 3),
        (RESERVE + 3 * EACH - 1, 2),
        (2 * GIGABYTE - 150 * MEGABYTE, 3),  # Binder, with the server running
        (0, 1),
    ],
)
def test_there_are_as_many_places_as_the_memory_holds_and_one_at_least(memory, places):
    assert places_in(memory) == places


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_holds_fewer_kernels_than_its_machine(tmp_path, monkeypatch, version):
    monkeypatch.setattr(limits, "GROUPS", tmp_path)
    assert free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.05)
    limit, used, kinds = (tmp_path / name for name in limits.LIMITS[2 - version])
    limit.parent.mkdir(exist_ok=True)
    used.write_text("900\n")
    kinds.write_text("inactive_file 100\n" + ("total_inactive_file 300\n" if version == 1 else ""))
    limit.write_text("1000\n")
    assert free_memory() == {1: 400, 2: 200}[version]
    limit.write_text("max\n" if version == 2 else f"{2**63 - 4096}\n")
    assert free_memory() > 1000


def test_both_servers_count_their_kernels():
    voila = json.loads((server.SHARE / "voila.json").read_text())
    binder = json.loads(
        (Path(__file__).parents[3] / "binder/jupyter_server_config.json").read_text()
    )
    name = f"{BoundedKernels.__module__}.{BoundedKernels.__qualname__}"
    assert voila["VoilaConfiguration"]["multi_kernel_manager_class"] == name
    assert binder["ServerApp"]["kernel_manager_class"] == name


@pytest.fixture
def notebook(tmp_path):
    """A page that says nothing: what is asked is who is let in."""
    path = tmp_path / "page.ipynb"
    content = json.loads(server.NOTEBOOK.read_text("utf-8"))
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    content["cells"] = [cell | {"id": "cell0", "source": "print('here')"}]
    path.write_text(json.dumps(content))
    return path


def get(url):
    """Status and text of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.browser
def test_a_visitor_waits_for_a_place_and_then_stands_where_the_link_leads(notebook):
    port = server.free_port()
    argv, env = server.voila_command(port, notebook=notebook, kernels=1)
    argv += ["--BoundedKernels.opening=10", "--MappingKernelManager.cull_interval=1000"]
    url = server.address(port)
    with (
        server.running((argv, env), url, output=subprocess.DEVNULL),
        browser() as chromium,
    ):
        assert get(url)[0] == 200  # nobody connects to it: its place is free after 10 seconds
        visitor = Visitor(chromium, url).open("#preset=spirals&step=20", "main[role=alert]")
        assert "all places are taken (1)" in visitor.page.locator("main").inner_text()
        visitor.page.locator("#rendered_cells").wait_for(state="attached", timeout=60_000)
        assert visitor.page.url.endswith("#preset=spirals&step=20")
        assert visitor.strangers == []


@pytest.mark.parametrize("preheated", [0, 1])
def test_visitors_beyond_the_places_are_told_that_the_server_is_busy_and_are_let_in_later(
    notebook, preheated
):
    port = server.free_port()
    argv, env = server.voila_command(port, notebook=notebook, kernels=2, preheated=preheated)
    argv += ["--MappingKernelManager.cull_idle_timeout=6", "--MappingKernelManager.cull_interval=1"]
    url = server.address(port)
    with server.running((argv, env), url, output=subprocess.DEVNULL) as started:
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(get, [url] * 5))
        running = [
            child
            for child in psutil.Process(started.pid).children(recursive=True)
            if "ipykernel_launcher" in " ".join(child.cmdline())
        ]
        assert len(running) == 2
        let_in = 5 - [status for status, _ in answers].count(503)
        assert let_in == [status for status, _ in answers].count(200)
        # A kernel that heats for whoever comes next may have one of the places.
        assert 2 - preheated <= let_in <= 2
        for status, text in answers:
            if status == 503:
                assert "all places are taken (2)" in text
                assert "location.reload(), 20000" in text
        if preheated:
            get(url)  # takes it
        start = time.monotonic()
        assert get(url)[0] == 503
        assert time.monotonic() - start < 2  # at once, and not after the kernels
        until(lambda: get(url)[0] == 200, "a place", patience=40)
