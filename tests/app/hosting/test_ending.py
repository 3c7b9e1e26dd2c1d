"""Nothing is left of a server, at whatever moment and however it is ended."""

import contextlib
import http.cookiejar
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from browser_support import ROOT, Visitor, browser
from landscape_lab.hosting import server
from waiting import happens, until

pytestmark = [pytest.mark.exhaustive, pytest.mark.browser, pytest.mark.timeout(300)]

MARK = "LANDSCAPE_TEST_RUN"
"""The environment variable by which all processes of a run are found."""

PATIENCE = 150.0
"""Seconds for an answer: `serve` builds its first pages before it gives one."""

PATHS = {"app": "", "serve": "serve"}
"""Where the page of each command lies."""

SIGNALS = [signal.SIGKILL, signal.SIGHUP, signal.SIGINT, signal.SIGTERM]


class Run:
    """`landscape app` or `landscape serve` in a terminal of its own."""

    def __init__(self, command: str, folder: Path) -> None:
        self.port = server.free_port()
        self.mark = f"{folder}{command}"
        self.temporary = folder / "tmp"
        self.cache = folder / "cache"
        self.temporary.mkdir()
        self.url = server.address(self.port, path=PATHS[command]).rstrip("/")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "landscape_lab", command, f"--port={self.port}", "--no-browser"],
            env={
                **os.environ,
                MARK: self.mark,
                "TMPDIR": str(self.temporary),
                "LANDSCAPE_CACHE": str(self.cache),
                "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app"))),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def processes(self) -> list[psutil.Process]:
        """All that were started for this run and live, whoever their parent is."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                dead = process.status() == psutil.STATUS_ZOMBIE
                if not dead and process.environ().get(MARK) == self.mark:
                    found.append(process)
        return found

    def listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection((server.LOCAL, self.port), timeout=1).close()
            return True
        return False

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """While the page is being received that was asked for twice, as a browser does."""
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        opener = urllib.request.build_opener(jar)
        opener.open(self.url, timeout=PATIENCE).read()
        with opener.open(self.url, timeout=PATIENCE):
            yield

    def end(self, number: int) -> None:
        """Send a signal as the terminal does, to the whole group."""
        os.killpg(self.process.pid, number)
        self.process.wait(60)


@contextlib.contextmanager
def at_once(run):
    yield


@contextlib.contextmanager
def while_python_imports(run):
    until(lambda: psutil.Process(run.process.pid).memory_info().rss > 25e6, "imports")
    yield


@contextlib.contextmanager
def while_the_server_starts(run):
    until(lambda: len(run.processes()) > 1, "the server's process")
    yield


@contextlib.contextmanager
def while_the_server_imports(run):
    def imports():
        return [one for one in run.processes() if one.pid != run.process.pid and heavy(one)]

    until(imports, "the server's imports")
    yield


@contextlib.contextmanager
def when_it_listens(run):
    until(run.listens, "the server", PATIENCE)
    yield


@contextlib.contextmanager
def when_a_page_was_asked_for(run):
    with when_it_listens(run):
        urllib.request.urlopen(run.url, timeout=PATIENCE).close()
        yield


@contextlib.contextmanager
def while_a_page_is_sent(run):
    with when_it_listens(run), run.asked():
        yield


@contextlib.contextmanager
def while_two_pages_are_sent(run):
    with while_a_page_is_sent(run), run.asked():
        yield


@contextlib.contextmanager
def while_a_page_is_open(run):
    with when_it_listens(run), browser() as chromium:
        Visitor(chromium, run.url).open()
        yield


@contextlib.contextmanager
def while_a_page_plays(run):
    with when_it_listens(run), browser() as chromium:
        visitor = Visitor(chromium, run.url).open()
        visitor.press("play")
        visitor.until(lambda: visitor.step() > 2, "some steps")
        yield


def heavy(process):
    """Whether a process has imported much."""
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss > 60e6
    return False


MOMENTS = [
    at_once,
    while_python_imports,
    while_the_server_starts,
    while_the_server_imports,
    when_it_listens,
    when_a_page_was_asked_for,
    while_a_page_is_sent,
    while_two_pages_are_sent,
    while_a_page_is_open,
    while_a_page_plays,
]


@pytest.mark.parametrize("command", PATHS)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_nothing_is_left(command, number, moment, tmp_path):
    run = Run(command, tmp_path)
    try:
        with moment(run):
            run.end(number)
        assert happens(lambda: not run.processes()), run.processes()
        assert happens(lambda: not run.listens())
        assert list(run.temporary.iterdir()) == []
        assert list(run.cache.rglob("*.part")) == []
        # A kernel that is interrupted while it imports writes where it was.
        if moment not in (while_a_page_is_sent, while_two_pages_are_sent):
            assert b"Traceback" not in run.process.stderr.read()
    finally:
        for process in run.processes():
            process.kill()
        run.process.wait(30)
        run.process.stderr.close()
