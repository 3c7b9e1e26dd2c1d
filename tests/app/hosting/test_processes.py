"""Processes that share the pages: filled evenly, replaced when they die, and all ended."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from landscape_lab.hosting import handover, panel_process, processes
from landscape_lab.hosting.processes import Processes
from landscape_lab.hosting.served import Served
from landscape_lab.hosting.spare_pages import Visitors
from waiting import until_async

pytestmark = pytest.mark.skipif(
    not handover.possible, reason="this system hands over no connections"
)

STAND_IN = """
import json, os, socket, struct, sys
line = socket.socket(fileno=int(sys.argv[1]))
def tell(**what):
    text = json.dumps(what).encode()
    line.sendall(struct.pack("!I", len(text)) + b"\\0" + text)
tell(ready=os.getpid())
tell(sessions=[], left=[], spare=[sys.argv[2] + "-spare"], busy=False)
known = []
left = []
visitors = []
def messages():
    data, descriptors = b"", []
    while True:
        read, more, *_ = socket.recv_fds(line, 65536, 8)
        if not read:
            return
        data += read
        descriptors += more
        while len(data) >= 5 and len(data) >= (end := 5 + struct.unpack("!I", data[:4])[0]):
            carries, message, data = data[4], data[5:end], data[end:]
            yield message, descriptors.pop(0) if carries else None
for message, descriptor in messages():
    if descriptor is None:
        asked = json.loads(message)
        if "visitors" in asked:
            visitors.append(asked["visitors"])
        else:
            known.remove(asked["end"])
            tell(sessions=known, left=[], spare=[], busy=False)
        continue
    session, _, read = message.partition(b"\\n")
    with socket.socket(fileno=descriptor) as browser:
        words = ",".join(visitors) if read == b"visitors?" else read.decode()
        browser.sendall(f"{os.getpid()} {session.decode()} {words}".encode())
    if session:
        left, known = list(known), [*known, session.decode()]
        tell(sessions=known, left=left, spare=[], busy=read == b"compute")
"""


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """A process that speaks as ours does, and imports nothing."""

    def command(served, number, descriptor, core):
        return [sys.executable, "-c", STAND_IN, str(descriptor), str(number)]

    monkeypatch.setattr(panel_process, "command", command)
    monkeypatch.setattr(processes, "REPLACE", 0.01)


def with_processes(count, scenario):
    """Run a coroutine with so many processes, and see to it that none is left."""

    async def run():
        made = Processes(count, Served(Path("serve.py")))
        try:
            await asyncio.wait_for(made.start(), 120)
            await scenario(made)
        finally:
            pids = [place.pid for place in made.places if place.pid]
            made.end()
        assert not any(psutil.pid_exists(pid) for pid in pids)

    asyncio.run(run())


async def answer(place, session="", read=b"hello"):
    """What the process of a place says on a connection that it is given."""
    browser, accepted = socket.socketpair()
    with browser:
        place.give(read, accepted.detach(), session)
        browser.setblocking(False)
        return (await asyncio.get_running_loop().sock_recv(browser, 100)).decode().split()


def test_pages_go_to_the_process_with_the_fewest_also_before_it_has_told_of_them():
    async def scenario(made):
        given = []
        for _ in range(9):
            place = made.emptiest()
            given.append(place.number)
            place.open()
        assert [given.count(number) for number in range(3)] == [3, 3, 3]
        assert made.sessions == 9

    with_processes(3, scenario)


def test_a_page_is_counted_once_from_its_asking_on():
    async def scenario(made):
        (place,) = made.places
        session = place.open()
        assert (await answer(place, session))[1:] == [session, "hello"]
        await until_async(lambda: place.sessions == 1)
        place.open()
        assert place.sessions == 2

    with_processes(1, scenario)


def test_a_page_that_was_left_is_known_and_can_be_ended():
    async def scenario(made):
        (place,) = made.places
        first, second = place.open(), place.open()
        assert place.left(first) is None
        await answer(place, first)
        await until_async(lambda: place.sessions == 2)
        assert place.left(first) is None
        await answer(place, second)  # the first was left, says the stand-in
        await until_async(lambda: place.left(first) is not None)
        assert place.left(second) is None
        place.end_session(first)
        await until_async(lambda: place.sessions == 1)
        assert place.left(first) >= 0.0

    with_processes(1, scenario)


def test_every_process_is_told_once_of_the_visitors_of_all():
    async def scenario(made):
        one, other = made.places

        async def told(*expected):
            for place in made.places:
                heard = []
                while len(heard) < len(expected):  # a report may be on its way
                    (words,) = (await answer(place, read=b"visitors?"))[1:]
                    heard = words.split(",")
                assert tuple(heard) == expected

        for place in made.places:
            await until_async(lambda place=place: place.spare)
        await told(Visitors.MANY)
        await answer(one, one.open())
        await told(Visitors.MANY, Visitors.ALONE)
        await answer(other, other.open())
        await told(Visitors.MANY, Visitors.ALONE, Visitors.MANY)

    with_processes(2, scenario)


def test_every_process_is_told_while_a_page_alone_computes():
    async def scenario(made):
        one, other = made.places
        for place in made.places:
            await until_async(lambda place=place: place.spare)
        await answer(one, one.open(), read=b"compute")
        heard = ""
        while Visitors.WAITING not in heard:
            heard = (await answer(other, read=b"visitors?"))[1]
        os.kill(one.pid, signal.SIGKILL)
        while not heard.endswith(f"{Visitors.WAITING},{Visitors.MANY}"):
            heard = (await answer(other, read=b"visitors?"))[1]

    with_processes(2, scenario)


def test_pages_that_are_built_already_are_opened_first_and_once():
    async def scenario(made):
        place = made.places[0]
        await until_async(lambda: place.spare)
        names = [place.open(), place.open()]
        assert names[0] == "0-spare"
        assert names[1].startswith("0-")
        assert names[1] != "0-spare"

    with_processes(2, scenario)


def test_a_process_that_dies_is_replaced_and_its_pages_are_counted_no_more():
    async def scenario(made):
        place, other = made.places
        place.open()
        died = place.pid
        os.kill(died, signal.SIGKILL)
        await until_async(lambda: not place.ready.is_set())
        assert place.sessions == 0
        assert made.emptiest() is other
        await until_async(place.ready.is_set)
        assert place.pid != died
        assert (await answer(place))[0] == str(place.pid)

    with_processes(2, scenario)


def test_what_cannot_be_started_is_not_tried_for_ever(monkeypatch):
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    monkeypatch.setattr(panel_process, "command", lambda *_: command)

    async def scenario(made):
        pytest.fail("nothing was started")

    with pytest.raises(RuntimeError, match="could not be started"):
        with_processes(1, scenario)


def test_a_process_ends_when_the_one_in_front_is_killed():
    front = """
import asyncio, sys
from pathlib import Path
from landscape_lab.hosting import panel_process, processes
from landscape_lab.hosting.served import Served
code = sys.argv[1]
panel_process.command = lambda served, number, descriptor, core: [
    sys.executable, "-c", code, str(descriptor), str(number)]
async def run():
    made = processes.Processes(2, Served(Path("serve.py")))
    await made.start()
    print(*(place.pid for place in made.places), flush=True)
    await asyncio.Event().wait()
asyncio.run(run())
"""
    with subprocess.Popen([sys.executable, "-c", front, STAND_IN], stdout=subprocess.PIPE) as made:
        children = [psutil.Process(int(pid)) for pid in made.stdout.readline().split()]
        assert len(children) == 2
        made.kill()
        gone, alive = psutil.wait_procs(children, timeout=60)
    assert (len(gone), alive) == (2, [])


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be chosen here")
def test_each_process_has_a_core_of_its_own_as_far_as_there_are(monkeypatch):
    asked = []

    def command(served, number, descriptor, core):
        asked.append(core)
        return [sys.executable, "-c", STAND_IN, str(descriptor), str(number)]

    monkeypatch.setattr(panel_process, "command", command)
    allowed = sorted(os.sched_getaffinity(0))

    async def scenario(made):
        assert asked == [*allowed, allowed[0]]

    with_processes(processes.cores() + 1, scenario)
