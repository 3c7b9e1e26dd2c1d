"""A class on one server: clients that open the app at once, press Play and answer every picture.

    python benchmarks/bench_class.py --clients 1 6 15 30 --seconds 60 -- --processes 2

Starts `landscape serve` with what follows `--`, or measures the server at `--url`. A client asks
for the page, opens its websocket, fetches the document, presses Play, and answers each picture at
the next sixtieth of a second, as the toolbar does in a browser; like the page, it sends a heartbeat
every two seconds. It paints nothing, and asks for no script that a browser keeps. Every second a
client asks for something small (the icon of the server's tab), as any other visitor might.

Prints for each number of clients: pictures a second of each client from its first one on, seconds
from the opening of all pages at once to the first picture of the last client, milliseconds until a
small request and a heartbeat are answered, clients that were lost, megabytes of all processes of
the server together, the share of the processors that these and this generator took, milliseconds
of processor time that the server spent for a picture in the second half, when all pages are open,
and the load of the machine before and after.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from landscape_lab.hosting import server

OPENING = 90.0
"""Seconds that a client has to its first picture before it counts as lost."""

HEARTBEAT = 2.0
PATIENCE = 20.0
READY = {"type": "event", "name": "document_ready", "values": {"type": "map"}}
FRAME = re.compile(r'\["frame",(\d+)\]')
ATTRIBUTES = r'"type":"object","name":"panel\.models\.esm\.ReactiveESM","id":"(\w+)"'


@dataclass
class Client:
    """One page: when its pictures came, and how long it waited for answers."""

    began: float = 0.0
    pictures: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    received: int = 0
    lost: str = ""

    def rate(self):
        """Pictures a second from the first one to the end."""
        if len(self.pictures) < 2:
            return 0.0
        return (len(self.pictures) - 1) / (self.pictures[-1] - self.pictures[0])


class Connection:
    """The websocket of a page, in Bokeh's protocol: a message has a header, contents, buffers."""

    def __init__(self, socket, client):
        self.socket, self.client, self.number = socket, client, 0
        self.beat_at = 0.0
        self._sending = asyncio.Lock()

    async def send(self, kind, content):
        """Send one message."""
        self.number += 1
        header = {"msgid": str(self.number), "msgtype": kind}
        async with self._sending:
            for part in (header, {}, content):
                await self.socket.write_message(json.dumps(part))

    async def event(self, values):
        """Send an event of the page."""
        sent = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": values}
        await self.send("PATCH-DOC", {"events": [sent]})

    async def tell(self, model, data):
        """Send a component's message."""
        entries = [["model", {"id": model}], ["data", {"type": "map", "entries": data}]]
        values = {"type": "map", "entries": entries}
        await self.event({"type": "event", "name": "data_event", "values": values})

    async def receive(self):
        """Kind and content of the next message."""
        header = json.loads(await self._part())
        await self._part()
        content = await self._part()
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._part()
        return header["msgtype"], content

    async def _part(self):
        part = await self.socket.read_message()
        if part is None:
            raise ConnectionError(f"the socket was closed ({self.socket.close_code})")
        self.client.received += len(part)
        return part


def model_of(document, name):
    """The identifier of the component of this name in a document."""
    for match in re.finditer(ATTRIBUTES, document):
        if f'"name":"{name}"' in document[match.end() : match.end() + 60]:
            return match.group(1)
    raise LookupError(f"there is no {name} in the page")


async def let_in(url):
    """The page and its token; a page that asks to come back is obeyed."""
    cookies, end = {}, time.monotonic() + OPENING
    while time.monotonic() < end:
        headers = {"Accept": "text/html", "Cookie": "; ".join(cookies.values())}
        page = await AsyncHTTPClient().fetch(
            url, headers=headers, request_timeout=OPENING, raise_error=False
        )
        cookies |= {c.split("=")[0]: c.split(";")[0] for c in page.headers.get_list("Set-Cookie")}
        found = re.search(r'"token":"([^"]+)"', (page.body or b"").decode())
        if found:
            return page, found.group(1)
        if page.code not in (200, 503):
            page.rethrow()
        await asyncio.sleep(float(page.headers.get("Retry-After", 0)))
    raise TimeoutError("there was no place")


async def opened(url, client):
    """A connection whose document has come, and the text of that."""
    page, token = await let_in(url)
    where = page.effective_url.split("?")[0].rstrip("/").replace("http", "ws", 1) + "/ws"
    cookies = "; ".join(each.split(";")[0] for each in page.headers.get_list("Set-Cookie"))
    headers = {"Origin": "/".join(url.split("/")[:3]), **({"Cookie": cookies} if cookies else {})}
    asked = HTTPRequest(where, headers=headers, connect_timeout=OPENING, request_timeout=OPENING)
    socket = await websocket_connect(asked, subprotocols=["bokeh", token], max_message_size=2**28)
    connection = Connection(socket, client)
    await connection.receive()  # its greeting
    await connection.send("PULL-DOC-REQ", {})
    while True:
        kind, content = await connection.receive()
        if kind == "PULL-DOC-REPLY":
            return connection, content


async def play(url, client, view, until):
    """Open a page, press Play, and answer its pictures until a moment."""
    connection, document = await opened(url, client)
    toolbar, heart = (model_of(document, name) for name in ("ToolbarModel", "HeartbeatModel"))
    await connection.event(READY)
    await connection.tell(toolbar, [["action", "ready"]])
    if view != "2d":
        await connection.tell(toolbar, [["action", "view"], ["value", view]])
    await connection.tell(toolbar, [["action", "play"], ["value", True]])
    beating = asyncio.create_task(beat(connection, heart))
    answering = set()
    try:
        while time.monotonic() < until:
            left = until - time.monotonic()
            _, content = await asyncio.wait_for(connection.receive(), max(left, 0.01))
            now = time.monotonic()
            if '["pong"' in content and connection.beat_at:
                client.beats.append(now - connection.beat_at)
                connection.beat_at = 0.0
            frames = FRAME.findall(content)
            if frames:
                client.pictures.append(now)
                task = asyncio.create_task(answer(connection, toolbar, int(frames[-1])))
                answering.add(task)
                task.add_done_callback(answering.discard)
    except TimeoutError:
        pass
    finally:
        beating.cancel()
        connection.socket.close()


async def answer(connection, toolbar, frame):
    """Say at the next sixtieth of a second that a picture is drawn."""
    await asyncio.sleep(1 / 60 - time.monotonic() % (1 / 60))
    with contextlib.suppress(Exception):
        await connection.tell(toolbar, [["action", "drawn"], ["value", frame]])


async def beat(connection, heart):
    """Ask every two seconds whether Python is there."""
    with contextlib.suppress(Exception):
        while True:
            await asyncio.sleep(HEARTBEAT)
            if not connection.beat_at:
                connection.beat_at = time.monotonic()
                await connection.tell(heart, [["ping", True]])


async def ask(url, client, until):
    """Ask for something small every second."""
    http = AsyncHTTPClient()
    while time.monotonic() < until - 1:
        began = time.monotonic()
        try:
            await http.fetch(url, request_timeout=PATIENCE)
            client.answers.append(time.monotonic() - began)
        except Exception as error:
            client.answers.append(PATIENCE)
            client.lost = client.lost or f"no answer: {error}"
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))


async def one(url, small, client, view, until):
    """Everything that one client does."""
    client.began = time.monotonic()
    asking = asyncio.create_task(ask(small, client, until))
    try:
        await play(url, client, view, until)
    except Exception as error:  # what happens to one client is counted, not raised
        client.lost = f"{type(error).__name__}: {error}"
    await asking
    if not client.pictures:
        client.lost = client.lost or "no picture"


def family(process):
    """The processes of a server."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def spent(processes):
    """Seconds of processor time that processes have taken."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory(processes):
    """Megabytes that processes take, what they share counted once."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss)
    return total / 2**20


def milliseconds(values):
    """Median and 95th percentile of seconds, in milliseconds."""
    if not values:
        return "–"
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{1000 * statistics.median(ordered):.0f} / {1000 * high:.0f}"


async def after(seconds, read):
    """What is read so many seconds later."""
    await asyncio.sleep(seconds)
    return read()


async def measure(url, small, count, seconds, view, process):
    """One row: what so many clients get in so many seconds."""
    AsyncHTTPClient.configure(None, max_clients=1000)
    served, own = family(process) if process else [], psutil.Process()
    before, mine, load, began = spent(served), spent([own]), os.getloadavg()[0], time.monotonic()
    clients = [Client() for _ in range(count)]
    until = began + seconds
    middle = asyncio.create_task(after(seconds / 2, lambda: spent(served)))
    await asyncio.gather(*(one(url, small, client, view, until) for client in clients))
    wall = time.monotonic() - began
    rates = sorted(client.rate() for client in clients)
    firsts = [client.pictures[0] - client.began for client in clients if client.pictures]
    lost = [client.lost for client in clients if client.lost]
    pictures = sum(len(client.pictures) for client in clients)
    late = sum(at > began + seconds / 2 for client in clients for at in client.pictures)
    row = (
        str(count),
        f"{rates[0]:.2f}",
        f"{statistics.median(rates):.2f}",
        f"{sum(rates):.1f}",
        f"{max(firsts, default=0.0):.1f}",
        milliseconds([each for client in clients for each in client.answers]),
        milliseconds([each for client in clients for each in client.beats]),
        str(len(lost)),
        f"{memory(family(process)) if process else 0:.0f}",
        f"{(spent(served) - before) / wall:.2f}",
        f"{1000 * (spent(served) - await middle) / max(1, late):.1f}",
        f"{(spent([own]) - mine) / wall:.2f}",
        f"{sum(c.received for c in clients) / max(1, pictures) / 1024:.0f}",
        f"{load:.1f} / {os.getloadavg()[0]:.1f}",
    )
    return row, lost


HEAD = (
    "clients", "least, 1/s", "median, 1/s", "in all, 1/s", "first picture of the last, s",
    "small GET, ms (median / 95 %)", "heartbeat, ms", "lost", "MB", "server, cores",
    "its ms a picture",
    "generator, cores", "KiB a picture", "load before / after",
)  # fmt: skip


@contextlib.contextmanager
def served(options):
    """The address of a server that is started with these options, and its process."""
    port = server.free_port()
    argv = [sys.executable, "-m", "landscape_lab", "serve", "--port", str(port), *options]
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "LANDSCAPE_CACHE": cache}
        url = server.address(port)
        with server.running((argv, env), url) as process:
            yield url.rstrip("/"), psutil.Process(process.pid)


async def settled(url):
    """Wait until the page is there: a server may answer before its processes are ready."""
    end = time.monotonic() + OPENING
    while time.monotonic() < end:
        with contextlib.suppress(OSError, LookupError):
            await opened(url + "/serve", Client())
            return
        await asyncio.sleep(0.5)
    raise TimeoutError(f"{url} does not show the app")


async def everything(url, process, asked):
    """Measure all numbers of clients, one after another."""
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD), flush=True)
    await settled(url)
    for count in asked.clients:
        await asyncio.sleep(asked.rest)  # pages that were closed go
        row, lost = await measure(
            url + "/serve", url + "/favicon.ico", count, asked.seconds, asked.view, process
        )
        print("| " + " | ".join(row) + " |", flush=True)
        for reason in sorted(set(lost)):
            print(f"  lost: {lost.count(reason)} x {reason}", flush=True)


def main():
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 6, 15, 30])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rest", type=float, default=5.0, help="seconds between two measurements")
    parser.add_argument("--view", choices=("2d", "3d"), default="2d")
    parser.add_argument("--url", help="measure this server instead; the server takes no options")
    parser.add_argument("options", nargs="*", help="of `landscape serve`, after --")
    asked = parser.parse_args()
    if asked.url:
        asyncio.run(everything(asked.url.rstrip("/"), None, asked))
        return
    with served(asked.options) as (url, process):
        asyncio.run(everything(url, process, asked))


if __name__ == "__main__":
    main()
