"""Which requests a server refuses, and why; the headers of every answer.

Nothing here knows Voila or Panel, and nothing of the laboratory is imported: both servers ask the
same guard. `gate.py` puts it in front of a tornado application. What is guarded against:

- DNS rebinding: a foreign name that leads to this machine makes a foreign page one of the same
  origin. Only known names are answered, https://github.com/jupyter/notebook/pull/3714.
- Foreign pages that load ours as an image, by `fetch` or in a frame: each would start a process. A
  link on a foreign page opens, https://web.dev/articles/fetch-metadata.
- Visitors without the password, where there is one.
"""

import hmac
import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from tornado.httputil import HTTPServerRequest

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE = frozenset({"", "0.0.0.0", "::", "*"})
"""Addresses that stand for all interfaces of a machine."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_PORTS = {"http": 80, "https": 443}

HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]?#]+)(?::(?P<port>\d{1,5}))?")
BEARER = re.compile(r"(?:token|bearer)\s+(?P<token>\S+)", re.IGNORECASE)

HEADERS = {
    # Bokeh compiles code at run time; Voila and Panel have scripts and styles in the page.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "base-uri 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
            "style-src 'self' 'unsafe-inline' data: blob:",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' blob: data:",
            "worker-src 'self' blob:",
            "frame-ancestors 'self'",
            "form-action 'self'",
        )
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer. All that a page needs comes from its own server."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused: the status of the answer and a sentence for the reader."""

    status: int
    reason: str


@dataclass(frozen=True, order=True)
class Name:
    """A host as it is written in an address, with its port where there is one."""

    host: str
    port: int | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The name in `HOST` or `HOST:PORT`; None if it is neither."""
        found = HOST.fullmatch(text.strip())
        port = int(found["port"]) if found and found["port"] else None
        if found is None or (port or 0) > 65535:
            return None
        return cls(found["name"].strip("[]").rstrip(".").lower(), port)

    def includes(self, other: "Name") -> bool:
        """Whether an address with another name is meant by this one; without a port, by any."""
        ports = {None, other.port} if other.port else {None, *DEFAULT_PORTS.values()}
        return self.host == other.host and self.port in ports


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Decides of each request whether it is answered.

    Attributes:
        names: hosts under which this machine is reached.
        given: further hosts, such as that of a proxy, whose pages may also send requests to others
            of the names, since some proxies replace the name in the request.
        any_address: whether any address in numbers is accepted; rebinding needs a name.
        token: what a visitor must know; empty if nothing.
        base: the path in front of every address, with a slash on both sides.
    """

    names: frozenset[Name] = field(default_factory=lambda: frozenset(map(Name, LOOPBACK)))
    given: frozenset[Name] = frozenset()
    any_address: bool = False
    token: str = ""
    base: str = "/"

    @classmethod
    def bound_to(
        cls, ip: str, *, given: Iterable[str] = (), token: str = "", base: str = "/"
    ) -> Self:
        """The guard of a server that listens on an address.

        Args:
            ip: the interface; an empty one or `0.0.0.0` means all.
            given: `HOST` or `HOST:PORT` that browsers use in addition.
            token: what a visitor must know; empty if nothing.
            base: the path in front of every address.

        Raises:
            ValueError: a name cannot be one.
        """
        read = {text: Name.read(text) for text in given}
        for text, name in read.items():
            if name is None:
                raise ValueError(f"{text!r} is no HOST or HOST:PORT")
        everywhere = ip in EVERYWHERE
        machine = socket.gethostname().lower()
        own = LOOPBACK | ({machine, f"{machine}.local"} if everywhere else {ip.lower()})
        return cls(
            names=frozenset(map(Name, own)),
            given=frozenset(name for name in read.values() if name is not None),
            any_address=everywhere,
            token=token,
            base=f"/{base.strip('/')}/" if base.strip("/") else "/",
        )

    def refusal(self, request: HTTPServerRequest) -> Refusal | None:
        """Why a request is refused, but for a missing password; None if it is not."""
        return self._host(request) or self._origin(request) or misuse(request)

    def admits(self, request: HTTPServerRequest) -> bool:
        """Whether the visitor has shown the password: in a cookie, a header or the address."""
        if not self.token:
            return True
        given = request.cookies.get(self.cookie_name(request))
        if given is not None and _same(given.value, self.cookie_value):
            return True
        header = BEARER.fullmatch(request.headers.get("Authorization", ""))
        return self.opens(self.shown(request)) or (
            header is not None and self.opens(header["token"])
        )

    def opens(self, word: str) -> bool:
        """Whether a word is the password; takes as long whether or not."""
        return bool(self.token) and _same(word, self.token)

    def shown(self, request: HTTPServerRequest) -> str:
        """The word behind `?token=` in the address of a request; empty if there is none."""
        words = request.query_arguments.get("token", [b""])
        return words[-1].decode("utf-8", "replace")

    @property
    def cookie_value(self) -> str:
        """What the cookie of an admitted visitor holds; the password cannot be read from it."""
        return hmac.new(self.token.encode(), b"landscape-lab visitor", "sha256").hexdigest()

    def cookie_name(self, request: HTTPServerRequest) -> str:
        """The name of that cookie: servers on other ports of the same host have others."""
        name = Name.read(request.host)
        return f"landscape-lab-{name.port if name and name.port else 'default'}"

    def _host(self, request: HTTPServerRequest) -> Refusal | None:
        name = Name.read(request.host)
        if name is not None:
            if any(own.includes(name) for own in self.names | self.given):
                return None
            if self.any_address and _is_address(name.host):
                return None
        return Refusal(
            403,
            f"This server does not answer to the name {request.host[:200]!r}. "
            "Start it with --origin and that name if it should.",
        )

    def _origin(self, request: HTTPServerRequest) -> Refusal | None:
        origin = request.headers.get("Origin", request.headers.get("Sec-Websocket-Origin"))
        if origin is None:  # no browser, or a plain load
            return None
        scheme, _, host = origin.lower().partition("://")
        name = _named(host, scheme)
        here = _named(request.host, scheme)
        if scheme not in DEFAULT_PORTS or name is None:
            pass
        elif name == here or any(own.includes(name) for own in self.given):
            return None
        return Refusal(403, f"Pages of {origin[:200]!r} may not use this server.")


def misuse(request: HTTPServerRequest) -> Refusal | None:
    """Why a request is refused that no visitor has made: of a foreign page, or beforehand."""
    headers = request.headers
    if "prefetch" in headers.get("Sec-Purpose", headers.get("Purpose", "")):
        return Refusal(403, "This page opens when it is shown, not before.")
    if headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return None
    link = headers.get("Sec-Fetch-Mode") == "navigate" and request.method in SAFE
    if link and headers.get("Sec-Fetch-Dest") == "document":
        return None
    return Refusal(403, "Pages of other sites may link to this server, but not load from it.")


def _named(text: str, scheme: str) -> Name | None:
    """The name in an address, without the port that its scheme means anyhow."""
    name = Name.read(text)
    if name is not None and name.port == DEFAULT_PORTS.get(scheme):
        return Name(name.host)
    return name


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
