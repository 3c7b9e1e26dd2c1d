"""The guard before a tornado server: what is answered, and what reaches the application."""

import asyncio
import re
import time

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from landscape_lab.hosting import gate
from landscape_lab.hosting.admission_queue import AdmissionQueue
from landscape_lab.hosting.guard import HEADERS, Guard

PAGE = {"Accept": "text/html"}


class Site:
    """A server with one page behind the gate, and a client that follows no redirect."""

    def __init__(self, room=1, **options):
        self.port = 0
        self.opened = 0
        self.room = room
        self.guard = Guard.bound_to("127.0.0.1", **options)
        self.queue = AdmissionQueue(lambda: self.room - self.opened)

    async def fetch(self, path="/", *, cookie="", headers=None, **options):
        asked = {**PAGE, **(headers or {}), **({"Cookie": cookie} if cookie else {})}
        return await AsyncHTTPClient(max_clients=50).fetch(
            f"http://127.0.0.1:{self.port}{path}",
            headers=asked,
            raise_error=False,
            follow_redirects=False,
            **options,
        )


def serve(site, work):
    """Do some work while a site is served."""

    class Page(RequestHandler):
        def get(self):
            turn = gate.asked(self, site.queue)
            if not turn.enters:
                gate.let_wait(self, turn)
            else:
                site.opened += 1
                self.write("the app")

        def post(self):
            site.opened += 1

    async def served():
        rules = gate.rules(site.guard, lambda: {"pages": site.opened})
        socket, site.port = bind_unused_port()
        made = HTTPServer(
            Application(
                [*rules, (f"{site.guard.base}.*", Page)], transforms=[gate.SecurityHeaders]
            ),
            xheaders=True,
        )
        made.add_socket(socket)
        try:
            await work(site)
        finally:
            made.stop()
            await made.close_all_connections()

    asyncio.run(served())


def cookies(answer):
    """What a browser sends back after an answer."""
    pairs = [line.partition(";")[0] for line in answer.headers.get_list("Set-Cookie")]
    return "; ".join(pair for pair in pairs if not pair.endswith('=""'))


def text(answer):
    return re.sub(r"\s+", " ", answer.body.decode())


def test_health_is_answered_whatever_the_name_and_opens_nothing():
    async def work(site):
        for method in ("GET", "HEAD"):
            answer = await site.fetch(
                "/x/health", method=method, headers={"Host": "10.0.0.7", "Sec-Fetch-Site": "none"}
            )
            assert answer.code == 200
        answer = await site.fetch("/x/health")
        assert answer.body == b'{"status": "ok", "pages": 0}'
        assert site.opened == 0

    serve(Site(base="/x", token="secret"), work)


def test_every_answer_carries_the_security_headers():
    async def work(site):
        for path, headers in {
            "/": {},
            "/health": {},
            "/other": {"Host": "evil.example"},
        }.items():
            answer = await site.fetch(path, headers=headers)
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS

    serve(Site(), work)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_a_refused_request_does_not_reach_the_application(method):
    async def work(site):
        answer = await site.fetch(
            method=method,
            headers={"Host": "evil.example&lt"},
            allow_nonstandard_methods=True,
            body="a=1" if method == "POST" else None,
        )
        assert answer.code == 403
        assert site.opened == 0
        assert method not in ("GET", "POST") or "&#x27;evil.example&amp;lt" in text(answer)
        plain = await site.fetch(headers={"Host": "evil.example", "Accept": "*/*"})
        assert plain.headers["Content-Type"].startswith("text/plain")
        assert plain.body.startswith(b"403 Forbidden: This server does not answer")

    serve(Site(), work)


def test_a_page_opens_on_the_second_request_and_who_comes_too_many_is_told_the_place():
    async def work(site):
        first = await site.fetch()
        assert (first.code, site.opened) == (200, 0)
        assert 'data-place="0"' in text(first)
        opened = await site.fetch(cookie=cookies(first))
        assert (opened.code, opened.body, site.opened) == (200, b"the app", 1)
        waiting = []
        for _ in range(3):
            asked = await site.fetch()
            waiting.append(cookies(asked))
            busy = await site.fetch(cookie=waiting[-1])
            assert (busy.code, busy.headers["Retry-After"]) == (503, "3")
        assert "2 visitors came before you" in text(busy)
        assert "You are next" in text(await site.fetch(cookie=waiting[0]))
        site.room = 2
        assert (await site.fetch(cookie=waiting[1])).code == 503
        assert (await site.fetch(cookie=waiting[0])).body == b"the app"

    serve(Site(), work)


def test_the_link_with_the_password_opens_and_then_the_cookie_does():
    async def work(site):
        led = await site.fetch("/?a=1&token=secret&b=%26")
        assert (led.code, led.headers["Location"]) == (303, "/?a=1&b=%26")
        (line,) = led.headers.get_list("Set-Cookie")
        assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(line.split("; "))
        assert "secret" not in line
        assert 'data-place="0"' in text(await site.fetch(cookie=cookies(led)))
        behind = await site.fetch("/?token=secret", headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in behind.headers["Set-Cookie"]
        program = await site.fetch(headers={"Authorization": "token secret", "Accept": "*/*"})
        assert program.code == 200

    serve(Site(token="secret"), work)


def test_a_link_with_the_password_leads_to_no_other_host():
    async def work(site):
        led = await site.fetch("//evil.example/?token=secret")
        assert led.headers["Location"] == "/evil.example/"

    serve(Site(token="secret"), work)


def test_the_form_asks_for_the_password_and_a_wrong_one_is_answered_slowly(monkeypatch):
    monkeypatch.setattr(gate, "SLOW_DOWN", 0.2)

    async def work(site):
        asked = await site.fetch("/?a=1")
        assert asked.code == 401
        assert '<form method="post">' in text(asked)
        start = time.monotonic()
        wrong = await site.fetch(method="POST", body="password=secre")
        assert wrong.code == 401
        assert time.monotonic() - start >= 0.2
        assert "not the password" in text(wrong)
        right = await site.fetch("/?a=1", method="POST", body="password=secret")
        assert (right.code, right.headers["Location"]) == (303, "/?a=1")
        socket = await site.fetch(headers={"Accept": "*/*", "Upgrade": "websocket"})
        assert socket.code == 401
        assert site.opened == 0

    serve(Site(token="secret"), work)


def test_an_address_that_tries_passwords_keeps_no_other_out(monkeypatch):
    monkeypatch.setattr(gate, "SLOW_DOWN", 60.0)

    async def work(site):
        def fetch(word, address):
            return site.fetch(f"/?token={word}", headers={"X-Forwarded-For": address})

        tries = [asyncio.ensure_future(fetch(n, "10.0.0.1")) for n in range(gate.WRONG_OF_ONE + 1)]
        answered, waiting = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        assert [one.result().code for one in answered] == [429]
        assert (await fetch("secret", "10.0.0.2")).code == 303
        for one in waiting:
            one.cancel()

    serve(Site(token="secret"), work)


def test_passwords_cannot_be_tried_by_the_thousand(monkeypatch):
    monkeypatch.setattr(gate, "SLOW_DOWN", 0.5)

    async def work(site):
        tried = [site.fetch(f"/?token={n}") for n in range(gate.WRONG_OF_ONE + 5)]
        codes = [answer.code for answer in await asyncio.gather(*tried)]
        assert sorted(codes) == [401] * gate.WRONG_OF_ONE + [429] * 5
        assert (await site.fetch("/?token=secret")).code == 303

    serve(Site(token="secret"), work)
