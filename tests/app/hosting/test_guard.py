"""Which requests are refused: each kind of attack, and next to it what must still work."""

import itertools

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from landscape_lab.hosting.guard import Guard, Name

GUARD = Guard.bound_to("127.0.0.1", given=["lab.example", "proxy.example:8443"])


def request(host="localhost:8866", *, method="GET", uri="/", **headers):
    """A request as a browser sends it; `sec_fetch_site` is Sec-Fetch-Site."""
    made = HTTPHeaders({"Host": host})
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    return HTTPServerRequest(start_line=RequestStartLine(method, uri, "HTTP/1.1"), headers=made)


def refused(guard=GUARD, *args, **options):
    refusal = guard.refusal(request(*args, **options))
    return refusal and refusal.reason


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8866",
        "LOCALHOST",
        "localhost.:8866",
        "127.0.0.1:8866",
        "[::1]:8866",
        "lab.example",
        "lab.example:9000",
        "proxy.example:8443",
    ],
)
def test_known_names_are_answered(host):
    assert refused(GUARD, host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8866",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "proxy.example",
        "proxy.example:80",
        "192.168.1.5:8866",
        "[::2]",
        "localhost:",
        "localhost:99999",
    ],
)
@pytest.mark.parametrize("upgrade", [{}, {"Upgrade": "websocket", "Connection": "Upgrade"}])
def test_a_foreign_name_is_refused_also_with_an_origin_of_the_same_name(host, upgrade):
    assert repr(host) in refused(GUARD, host, Origin=f"http://{host}", **upgrade)


def test_on_all_interfaces_addresses_in_numbers_are_answered_but_foreign_names_are_not(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Teacher")
    guard = Guard.bound_to("0.0.0.0")
    for host in ("192.168.1.5:8866", "[fe80::1]:8866", "teacher:8866", "teacher.local:8866"):
        assert refused(guard, host) is None
    assert refused(guard, "evil.example:8866")
    assert refused(Guard.bound_to("192.168.1.5"), "192.168.1.5:8866") is None
    assert refused(Guard.bound_to("192.168.1.5"), "192.168.1.6:8866")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8866", "http://localhost:8866"),
        ("lab.example", "https://lab.example"),
        ("lab.example:443", "https://lab.example"),
        ("[::1]:8866", "http://[::1]:8866"),
        # A proxy in front of us that replaces the name in the request.
        ("127.0.0.1:8866", "https://lab.example"),
        ("127.0.0.1:8866", "https://proxy.example:8443"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_our_own_may_use_the_server(host, origin, method):
    assert refused(GUARD, host, method=method, Origin=origin) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:9999",
        "http://localhost",
        "http://127.0.0.1:8866",  # another name than that of the request
        "https://proxy.example",
        "null",
        "file://",
        "chrome-extension://localhost:8866",
        "",
    ],
)
@pytest.mark.parametrize("name", ["Origin", "Sec_Websocket_Origin"])
def test_pages_of_other_origins_may_not(origin, name):
    assert repr(origin) in refused(GUARD, method="POST", **{name: origin})


NAVIGATION = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_on_another_page_opens_the_app(site):
    assert refused(GUARD, Sec_Fetch_Site=site, **NAVIGATION) is None
    assert refused(GUARD, Sec_Fetch_Site=site, method="POST", **NAVIGATION)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
@pytest.mark.parametrize(
    ("mode", "use"),
    [
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("cors", "empty"),
        ("no-cors", "empty"),
        ("navigate", "iframe"),
        ("navigate", "object"),
        ("websocket", "websocket"),
    ],
)
def test_another_page_loads_nothing_from_us_but_our_own_page_does(site, mode, use):
    how = {"Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": use}
    assert "may link" in refused(GUARD, Sec_Fetch_Site=site, **how)
    for own in ("same-origin", "none"):
        assert refused(GUARD, Sec_Fetch_Site=own, **how) is None


@pytest.mark.parametrize("header", ["Sec_Purpose", "Purpose"])
def test_a_page_that_is_only_fetched_in_advance_is_refused(header):
    assert refused(GUARD, **{header: "prefetch;prerender", "Sec_Fetch_Site": "none"})


LOCKED = Guard.bound_to("127.0.0.1", token="pässword")


def test_a_visitor_shows_the_password_in_the_address_in_a_header_or_by_the_cookie():
    cookie = f"landscape-lab-8866={LOCKED.cookie_value}"
    assert LOCKED.admits(request(uri="/?token=p%C3%A4ssword"))
    assert LOCKED.admits(request(Cookie=cookie))
    assert Guard.bound_to("127.0.0.1", token="abc").admits(request(Authorization="Bearer abc"))
    assert "ssword" not in LOCKED.cookie_value


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"uri": "/?token="},
        {"uri": "/?token=password"},
        {"uri": "/?token=%FF"},
        {"Authorization": "Bearer pass"},
        {"Authorization": "pässword"},
        {"Cookie": "landscape-lab-8866="},
        {"Cookie": "landscape-lab-8866=pässword"},
        {"Cookie": f"landscape-lab-8867={LOCKED.cookie_value}"},
        {"Cookie": f"landscape-lab-8866={Guard(token='other').cookie_value}"},
        {"Cookie": f"landscape-lab-8866={Guard(token='').cookie_value}"},
    ],
)
def test_other_words_are_no_password(shown):
    assert not LOCKED.admits(request(**shown))


def test_without_a_password_everybody_is_admitted_and_no_word_opens():
    assert GUARD.admits(request())
    assert not GUARD.opens("")


@pytest.mark.parametrize("text", ["", "http://a", "a b", "me@a", "a:b", "a:70000", "[x]"])
def test_what_cannot_be_a_name_is_refused_by_name(text):
    assert Name.read(text) is None
    with pytest.raises(ValueError, match="HOST:PORT"):
        Guard.bound_to("127.0.0.1", given=[text])


@pytest.mark.parametrize(
    ("base", "made"), [("", "/"), ("/", "/"), ("user/bob", "/user/bob/"), ("/x/", "/x/")]
)
def test_a_base_begins_and_ends_with_a_slash(base, made):
    assert Guard.bound_to("127.0.0.1", base=base).base == made


def test_a_guard_always_decides():
    odd = ["", "x", "a" * 5000, "[::", "a:", "%20", "ä.example", ":", "http://[", "http://a:b"]
    for host, origin in itertools.product(("localhost", "x", "a" * 5000), odd):
        assert GUARD.refusal(request(host, Origin=origin)) is not None
