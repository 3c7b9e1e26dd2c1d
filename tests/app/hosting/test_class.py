"""The app on two real processes behind one address, as its pages speak to it."""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest
from bokeh.util.token import get_session_id
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from landscape_lab.hosting import handover, server

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not handover.possible, reason="this system hands over no connections"),
]

ROOT = Path(__file__).parents[3]
PATIENCE = 120.0


class Page:
    """A page: its session, and its websocket."""

    async def open(self, url):
        cookies, token = "", None
        while token is None:
            asked = {"Accept": "text/html", "Cookie": cookies}
            answer = await AsyncHTTPClient().fetch(
                url, headers=asked, raise_error=False, request_timeout=PATIENCE
            )
            for cookie in answer.headers.get_list("Set-Cookie"):
                cookies = cookie.split(";")[0]
            token = re.search(r'"token":"([^"]+)"', answer.body.decode())
        self.session = get_session_id(token[1])
        request = HTTPRequest(url.replace("http", "ws", 1) + "/ws", headers={"Origin": url[:-6]})
        self.socket = await websocket_connect(
            request, subprotocols=["bokeh", token[1]], max_message_size=2**28
        )
        await self.hear("ACK")
        await self.say("PULL-DOC-REQ")
        self.document = await self.hear("PULL-DOC-REPLY")
        return self

    async def say(self, kind):
        for part in ({"msgid": "1", "msgtype": kind}, {}, {}):
            await self.socket.write_message(json.dumps(part))

    async def hear(self, kind):
        """The content of the next message, which is of this kind; None if the socket is closed."""
        header = await asyncio.wait_for(self.socket.read_message(), PATIENCE)
        if header is None:
            return None
        assert json.loads(header)["msgtype"] == kind
        await self.socket.read_message()
        return await self.socket.read_message()


async def until(condition):
    """Wait until a look at the server, which takes its time, shows something."""

    async def wait():
        while not await condition():
            pass

    await asyncio.wait_for(wait(), PATIENCE)


async def scenario(url, process):
    async def entered():
        answer = await AsyncHTTPClient().fetch(url + "health", request_timeout=PATIENCE)
        return answer.code == 200

    await until(entered)
    pages = [await Page().open(url + "serve") for _ in range(4)]
    opened = [*pages]
    numbers = [page.session.partition("-")[0] for page in pages]
    assert sorted(numbers) == ["0", "0", "1", "1"]
    assert all("ToolbarModel" in page.document for page in pages)
    children = psutil.Process(process.pid).children(recursive=True)
    found = [one for one in children if "panel_process" in " ".join(one.cmdline())]
    first = next(one for one in found if one.cmdline()[-6] == "0")
    first.kill()
    lost, kept = (
        [page for page, its in zip(pages, numbers, strict=True) if its == number]
        for number in ("0", "1")
    )
    for page in lost:  # each hears at once that its process is gone
        assert await page.hear("PATCH-DOC") is None
    for page in kept:
        await page.say("PULL-DOC-REQ")
        assert "ToolbarModel" in await page.hear("PULL-DOC-REPLY")

    async def replaced():
        answer = await AsyncHTTPClient().fetch(url + "health")
        return json.loads(answer.body)["pages"] == 2

    await until(replaced)

    async def on_the_new_one():
        opened.append(await Page().open(url + "serve"))
        return opened[-1].session.startswith("0-")

    await until(on_the_new_one)
    for page in opened:
        page.socket.close()


def test_pages_stay_with_their_process_and_those_of_a_dead_one_hear_of_it(tmp_path):
    port = server.free_port()
    argv, env = server.panel_command(port, processes=2)
    env |= {
        "LANDSCAPE_CACHE": str(tmp_path),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app"))),
    }
    with server.running(
        (argv, env), server.address(port), patience=PATIENCE, output=subprocess.DEVNULL
    ) as process:
        known = psutil.Process(process.pid)
        asyncio.run(scenario(server.address(port), process))
        family = [known, *known.children(recursive=True)]
    assert not any(one.is_running() for one in family)
