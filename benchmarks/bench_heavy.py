"""What the pages that play feel of one page that computes a side panel for long.

    python benchmarks/bench_heavy.py --clients 5 --seconds 20 -- --processes 1 --workers 1

All clients are pages of one process, so that the heavy page is among them. Prints pictures a second
of the light pages (least and median) without the heavy page, and while it computes a convexity map
again and again, each of another run; and milliseconds until a small request is answered.
"""

import argparse
import asyncio
import contextlib
import statistics
import time

from bench_class import (
    READY,
    AsyncHTTPClient,
    Client,
    ask,
    milliseconds,
    model_of,
    opened,
    play,
    served,
    settled,
)

LINK = "preset=spirals&step=40&run.seed={seed}&display.side_panel=convexity"
"""A paused run whose map takes some seconds."""

WARM = 15.0
"""Seconds of the heavy page alone before it is measured, in which workers are started."""

EACH = 8.0
"""Seconds for each map."""


async def heavy(url, until):
    """A page that opens a link to a heavy side panel again and again."""
    connection, document = await opened(url, Client())
    toolbar, link = (model_of(document, name) for name in ("ToolbarModel", "LinkModel"))
    await connection.event(READY)
    await connection.tell(toolbar, [["action", "ready"]])
    hearing = asyncio.create_task(_hear(connection, toolbar))
    seed = 0
    while time.monotonic() < until:
        seed += 1
        await connection.tell(link, [["link", LINK.format(seed=seed)]])
        await asyncio.sleep(min(EACH, max(0.0, until - time.monotonic())))
    hearing.cancel()
    connection.socket.close()


async def _hear(connection, toolbar):
    with contextlib.suppress(Exception):
        while True:
            _, content = await connection.receive()
            if '["frame",' in content:
                number = int(content.split('["frame",')[-1].split("]")[0])
                await connection.tell(toolbar, [["action", "drawn"], ["value", number]])


async def measure(url, asked, *, with_heavy):
    """One row: what the light pages get."""
    AsyncHTTPClient.configure(None, max_clients=1000)
    clients, page, small = [Client() for _ in range(asked.clients)], url + "/serve", Client()
    end = time.monotonic() + asked.seconds + (WARM if with_heavy else 0.0)
    working = [asyncio.create_task(heavy(page, end))] if with_heavy else []
    if with_heavy:
        await asyncio.sleep(WARM)
    asking = asyncio.create_task(ask(url + "/favicon.ico", small, end))
    await asyncio.gather(*(play(page, client, "2d", end) for client in clients), *working, asking)
    rates = sorted(client.rate() for client in clients)
    label = "with the heavy page" if with_heavy else "alone"
    answers = milliseconds(small.answers)
    print(f"| {label} | {rates[0]:.1f} | {statistics.median(rates):.1f} | {answers} |", flush=True)


async def everything(url, asked):
    """Alone, and with the heavy page."""
    await settled(url)
    print("| light pages | least, 1/s | median, 1/s | small GET, ms (median / 95 %) |")
    print("| --- | ---: | ---: | ---: |", flush=True)
    for with_heavy in (False, True):
        await asyncio.sleep(asked.rest)
        await measure(url, asked, with_heavy=with_heavy)


def main():
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rest", type=float, default=5.0)
    parser.add_argument("options", nargs="*", help="of `landscape serve`, after --")
    asked = parser.parse_args()
    with served(asked.options) as (url, _):
        asyncio.run(everything(url, asked))


if __name__ == "__main__":
    main()
