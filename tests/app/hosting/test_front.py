"""What stands in front of the processes: whom it lets in, and to whom it gives a connection."""

import contextlib
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from bokeh.util.token import generate_jwt_token
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.testing import AsyncHTTPTestCase

from landscape_lab.hosting import server
from landscape_lab.hosting.front import Behind, application, head
from landscape_lab.hosting.guard import Guard
from landscape_lab.hosting.processes import Processes
from landscape_lab.hosting.served import Served
from waiting import until

PAGE = "text/html"
FILES = ("/static/js/bokeh.min.js?v=1", "/static/extensions/panel/panel.min.js", "/favicon.ico")


class StandIn:
    """Answers a connection with what it was given, as a process would."""

    def __init__(self, number):
        self.number, self.taken, self.opened = number, [], []
        self.ready = self

    def is_set(self):
        return True

    @property
    def sessions(self):
        return len(self.opened)

    def open(self):
        self.opened.append(f"{self.number}-{len(self.opened)}")
        return self.opened[-1]

    def has(self, session):
        return session in self.opened

    def left(self, session):
        return None

    def give(self, read, descriptor, session):
        self.taken.append((read.decode(), session))
        text = f"process {self.number}"
        with socket.socket(fileno=descriptor) as browser:
            browser.setblocking(True)
            answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
            browser.sendall((answer + text).encode())


class FrontCase(AsyncHTTPTestCase):
    prefix, most, count = "", 4, 2

    def get_app(self):
        served = Served(Path("serve.py"), self.prefix)
        processes = Processes(0, served)
        self.places = processes.places = [StandIn(number) for number in range(self.count)]
        guard = Guard.bound_to("127.0.0.1", base=self.prefix or "/")
        return application(guard, Behind(processes), served, self.most)

    def visit(self, path="/serve", cookie="", **headers):
        return self.fetch(path, headers={"Accept": PAGE, "Cookie": cookie, **headers})

    def enter(self):
        """Ask for a page as a browser does, which is let in when it comes back with its ticket."""
        first = self.visit()
        ticket = re.match("[^;]*", first.headers.get("Set-Cookie", ""))[0]
        return self.visit(cookie=ticket)

    def socket_of(self, session, origin=None, path="/serve/ws"):
        words = {"Upgrade": "websocket", "Sec-WebSocket-Protocol": f"bokeh, {session}"}
        return self.visit(path, Origin=origin or self.get_url(""), **words)


class FrontTest(FrontCase):
    def test_pages_go_to_the_emptiest_process_under_a_name_that_begins_with_its_number(self):
        answers = [self.enter().body.decode() for _ in range(4)]
        assert sorted(answers) == ["process 0"] * 2 + ["process 1"] * 2
        for place in self.places:
            for read, session in place.taken:
                assert session.startswith(f"{place.number}-")
                assert f"Bokeh-Session-Id: {session}\r\n" in read
                assert "Connection: close\r\n" in read

    def test_a_request_without_its_ticket_opens_no_page(self):
        assert self.visit().code == 200
        assert [place.taken for place in self.places] == [[], []]

    def test_where_all_places_are_taken_the_visitor_is_told_to_wait(self):
        for _ in range(4):
            self.enter()
        answer = self.enter()
        assert answer.code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert sum(place.sessions for place in self.places) == 4

    def test_a_websocket_is_given_to_the_process_of_its_page(self):
        for number in (1, 0, 1, 1):
            answer = self.socket_of(generate_jwt_token(self.places[number].open()))
            assert answer.body.decode() == f"process {number}"
            read, session = self.places[number].taken[-1]
            assert session == ""
            assert "Connection: Upgrade\r\n" in read
            assert "Sec-Websocket-Protocol: bokeh, " in read

    def test_a_websocket_of_no_page_of_ours_is_refused(self):
        assert self.socket_of(generate_jwt_token("7-abc")).code == 404
        assert self.socket_of(generate_jwt_token("no number")).code == 404
        assert self.socket_of("rubbish").code == 403
        assert self.fetch("/serve/ws").code == 403
        assert [place.taken for place in self.places] == [[], []]

    def test_only_a_visitor_who_was_let_in_opens_a_session(self):
        """Bokeh makes one for a websocket of any name, and for `autoload.js`."""
        mine = generate_jwt_token(self.places[0].open())
        assert self.socket_of(generate_jwt_token("0-abc")).code == 404
        assert self.socket_of(mine, path="/serve").code == 200
        for path in ("/serve/autoload.js", "/serve/autoload-js", "/other"):
            assert self.socket_of(mine, path=path).code == 404
            assert self.visit(f"{path}?bokeh-autoload-element=1").code == 404
        for name in ("bokeh-session-id", "bokeh-token"):
            assert self.visit(f"/serve?{name}=0-abc").code == 403
        assert [place.taken for place in self.places] == [[], []]

    def test_the_guard_looks_at_everything_first(self):
        token = generate_jwt_token("0-abc")
        assert self.socket_of(token, origin="http://foreign.example").code == 403
        assert self.visit(Host="foreign.example").code == 403
        assert self.visit("/static/js/bokeh.js", **{"Sec-Fetch-Site": "cross-site"}).code == 403
        assert [place.taken for place in self.places] == [[], []]

    def test_health_is_answered_in_front(self):
        self.enter()
        answer = self.fetch("/health")
        assert (answer.code, b'"pages": 1' in answer.body) == (200, True)
        assert sum(len(place.taken) for place in self.places) == 1

    def test_files_are_answered_in_front(self):
        for path in FILES:
            answer = self.visit(path)
            assert (answer.code, len(answer.body) > 100) == (200, True)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for path in ("/static/js/no.js", "/static/../app.py", "/static/extensions/panel/../io"):
            assert self.visit(path).code in (403, 404)
        assert [place.taken for place in self.places] == [[], []]

    def test_what_opens_no_session_is_given_to_some_process(self):
        for path in ("/", "/serve/metadata", "/static/extensions/other/one.js"):
            assert self.visit(path).body.startswith(b"process ")

    def test_other_methods_are_refused(self):
        assert self.fetch("/serve", method="POST", body="").code == 405


class PrefixTest(FrontCase):
    prefix = "/lab"

    def test_pages_are_opened_behind_the_prefix(self):
        first = self.visit("/lab/serve")
        ticket = re.match("[^;]*", first.headers["Set-Cookie"])[0]
        assert self.visit("/lab/serve", cookie=ticket).body.startswith(b"process ")
        assert sum(place.sessions for place in self.places) == 1

    def test_files_lie_behind_the_prefix(self):
        assert [self.visit(f"/lab{path}").code for path in FILES] == [200] * len(FILES)
        assert self.visit(FILES[-1]).code == 404
        assert self.visit("/lab/serve/metadata").body.startswith(b"process ")


class NobodyTest(FrontCase):
    count = 0

    def test_while_no_process_is_there_the_answer_says_so(self):
        assert self.visit("/serve/metadata").code == 503
        assert self.socket_of(generate_jwt_token("0-abc")).code == 404


SLOW = """
import os
import panel as pn

pn.pane.Str("here").servable()
if os.path.exists({gate!r}):
    open({gate!r}).read()
    os.remove({gate!r})
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("processes", [1, 2])
def test_nobody_is_connected_before_a_page_can_be_shown(tmp_path, processes):
    script, gate, port = tmp_path / "serve.py", tmp_path / "gate", server.free_port()
    script.write_text(SLOW.format(gate=str(gate)))
    os.mkfifo(gate)
    argv, env = server.panel_command(port, script=script, processes=processes)
    with subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            with gate.open("w"), pytest.raises(ConnectionRefusedError):
                # The first page is being built.
                socket.create_connection((server.LOCAL, port), timeout=60)
            until(lambda: answers(port), "the server")
        finally:
            process.terminate()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("processes", [1, 2])
def test_a_server_that_is_asked_to_end_while_it_starts_does(tmp_path, processes):
    script, gate = tmp_path / "serve.py", tmp_path / "gate"
    script.write_text(SLOW.format(gate=str(gate)))
    os.mkfifo(gate)
    argv, env = server.panel_command(server.free_port(), script=script, processes=processes)
    with subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            with gate.open("w"):  # a first page is being built, and is never complete
                process.terminate()
                process.wait(60)
        finally:
            process.kill()


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection((server.LOCAL, port), timeout=60).close()
        return True
    return False


@pytest.mark.parametrize(
    "given", ["Bokeh-Session-Id", "bokeh-session-id", "Connection", "Content-Length"]
)
def test_a_visitor_names_no_session_and_keeps_no_connection(given):
    headers = HTTPHeaders({"Host": "localhost", given: "theirs", "X-Forwarded-Proto": "https"})
    start = RequestStartLine("GET", "/serve?a=b", "HTTP/1.1")
    request = HTTPServerRequest(start_line=start, headers=headers, connection=_Nowhere())
    text = head(request, "1-ours").decode()
    assert text.startswith("GET /serve?a=b HTTP/1.1\r\n")
    assert text.endswith("\r\n\r\n")
    assert "theirs" not in text
    assert "Bokeh-Session-Id: 1-ours" in text
    assert "X-Forwarded-Proto: https" in text


class _Nowhere:
    context = None
