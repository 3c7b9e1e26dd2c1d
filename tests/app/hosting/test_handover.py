"""Connections are handed from one process to another, with what has been read of them."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from landscape_lab.hosting.handover import Line, possible

pytestmark = pytest.mark.skipif(not possible, reason="this system hands over no connections")


class End:
    """One end of a line, and what came over it."""

    def __init__(self, connection):
        self.came, self.lost = asyncio.Queue(), asyncio.Event()
        self.line = Line(connection, lambda *what: self.came.put_nowait(what), self.lost.set)

    async def next(self):
        return await asyncio.wait_for(self.came.get(), 60)


def with_line(scenario):
    """Run a coroutine with both ends of a line."""

    async def run():
        one, other = map(End, socket.socketpair())
        try:
            await scenario(one, other)
        finally:
            one.line.close()
            other.line.close()

    asyncio.run(run())


def open_files():
    """The descriptors of this process, where the system tells."""
    folder = Path("/proc/self/fd")
    return {each.name for each in folder.iterdir()} if folder.is_dir() else set()


def test_a_connection_goes_on_where_it_was_handed_over():
    async def scenario(one, other):
        browser, accepted = socket.socketpair()
        one.line.send(b"GET / HTTP/1.1", accepted.detach())
        read, descriptor = await other.next()
        assert read == b"GET / HTTP/1.1"
        with browser, socket.socket(fileno=descriptor) as taken:
            taken.sendall(b"hello")
            assert browser.recv(5) == b"hello"
            taken.close()
            assert browser.recv(5) == b""  # nobody else holds it

    with_line(scenario)


def test_messages_and_descriptors_stay_together_however_many_wait():
    async def scenario(one, other):
        browsers = []
        for number in range(100):
            browser, accepted = socket.socketpair()
            browsers.append(browser)
            one.line.send(b"%d " % number + b"x" * 3000 * (number % 7), accepted.detach())
            one.line.send(b"plain")
        for number, browser in enumerate(browsers):
            read, descriptor = await other.next()
            assert read.split()[0] == b"%d" % number
            with browser, socket.socket(fileno=descriptor) as taken:
                taken.sendall(b"%d" % number)
                assert browser.recv(9) == b"%d" % number
            assert await other.next() == (b"plain", None)

    with_line(scenario)


def test_both_ends_speak():
    async def scenario(one, other):
        one.line.send(b"question")
        assert await other.next() == (b"question", None)
        other.line.send(b"answer")
        assert await one.next() == (b"answer", None)

    with_line(scenario)


def test_an_end_that_is_closed_is_noticed_at_the_other():
    async def scenario(one, other):
        one.line.close()
        await asyncio.wait_for(other.lost.wait(), 60)
        before = open_files()
        _, accepted = pair = socket.socketpair()
        other.line.send(b"too late", accepted.detach())
        pair[0].close()
        assert open_files() <= before

    with_line(scenario)


def test_no_descriptor_stays_behind_where_nobody_takes_them():
    async def scenario(one, other):
        before = open_files()
        for _ in range(300):  # more than the system keeps on the way
            _, accepted = pair = socket.socketpair()
            one.line.send(b"x" * 5000, accepted.detach())
            pair[0].close()
        assert len(open_files()) > len(before)
        one.line.close()
        while not other.came.empty():
            os.close(other.came.get_nowait()[1])
        other.line.close()
        assert open_files() <= before

    with_line(scenario)
