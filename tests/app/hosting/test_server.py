"""How servers are started and ended; that the page really works is what the browser tests ask."""

import itertools
import json
import math
import os
import re
import socket
import subprocess
import sys
import types
import urllib.request
from pathlib import Path

import pytest

from landscape_core.foundation.errors import MissingDataError, SpecError
from landscape_lab.bridge import hosted
from landscape_lab.figures import theme
from landscape_lab.hosting import server
from landscape_lab.hosting.access import PASSWORD, Access
from landscape_lab.hosting.guard import HEADERS

TEMPLATE = server.SHARE / "jupyter" / "voila" / "templates" / "landscape"


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text("{}")
    return path


def web_server(port):
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", server.LOCAL]
    return argv, dict(os.environ)


def test_voila_finds_our_template_and_settings_before_the_users(notebook, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "/theirs")
    _, env = server.voila_command(8866, notebook=notebook)
    first, second = env["JUPYTER_PATH"].split(os.pathsep)
    assert Path(first, "voila", "templates", "landscape", "index.html.j2").is_file()
    assert second == "/theirs"
    assert Path(env["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0], "voila.json").is_file()


def test_kernels_are_preheated_only_on_demand(notebook):
    cold, _ = server.voila_command(8866, notebook=notebook)
    warm, _ = server.voila_command(8866, notebook=notebook, preheated=2)
    assert set(warm) - set(cold) == {"--preheat_kernel=True", "--pool_size=2"}


@pytest.mark.parametrize("given", ["/user/bob", "user/bob/", "/user/bob/"])
def test_a_base_url_begins_and_ends_with_a_slash(notebook, given):
    argv, _ = server.voila_command(8866, notebook=notebook, base_url=given)
    assert "--base_url=/user/bob/" in argv


def test_panel_lets_in_this_machine_and_whom_it_is_told(notebook):
    argv, env = server.panel_command(
        5006, script=notebook, access=Access(names=("lab.example:80",), password="secret")
    )
    assert [b for a, b in itertools.pairwise(argv) if a == "--origin"] == ["lab.example:80"]
    assert "secret" not in " ".join(argv)
    assert env[PASSWORD] == "secret"


@pytest.mark.parametrize(
    ("ip", "options", "visited"),
    [
        (server.LOCAL, {}, False),
        ("localhost", {"sessions": 2, "idle_timeout": 5.0}, False),
        ("0.0.0.0", {}, True),
        ("0.0.0.0", {"password": "secret"}, True),
        ("192.168.0.7", {}, True),
        (server.LOCAL, {"names": ("lab.example",)}, True),
        (server.LOCAL, {"password": "secret"}, True),
    ],
)
def test_a_voila_that_others_reach_tells_its_pages_that_they_have_visitors(
    notebook, monkeypatch, ip, options, visited
):
    _, env = server.voila_command(8866, notebook=notebook, ip=ip, access=Access(**options))
    monkeypatch.setattr(os, "environ", env)
    assert hosted.has_visitors() is visited


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ("http://lab.example",)}, r"--origin must be HOST or HOST:PORT.*; got 'http"),
        ({"sessions": 0}, r"--max-sessions must be .*; got 0"),
        ({"idle_timeout": -1.0}, r"--idle-timeout must be .*; got -1"),
        ({"idle_timeout": math.nan}, r"--idle-timeout must be .*; got nan"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_its_option(options, message):
    with pytest.raises(SpecError, match=message):
        Access(**options)


@pytest.mark.parametrize(
    ("ip", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8866/lab/"),
        ("::1", "http://[::1]:8866/lab/"),
        ("lab.example", "http://lab.example:8866/lab/"),
    ],
)
def test_the_address_is_one_that_a_browser_on_this_machine_can_open(ip, url):
    assert server.address(8866, ip=ip, path="lab") == url


@pytest.mark.parametrize(
    ("ip", "names", "expected"),
    [
        ("127.0.0.1", (), []),
        ("0.0.0.0", (), ["http://192.168.1.5:8866/lab/"]),
        ("0.0.0.0", ("teacher.example:8866",), ["http://teacher.example:8866/lab/"]),
        ("0.0.0.0", ("teacher.example",), ["http://teacher.example:8866/lab/"]),
        ("0.0.0.0", ("proxy.example:443",), []),
    ],
)
def test_the_address_for_other_computers_is_under_a_name_of_theirs(
    monkeypatch, ip, names, expected
):
    found = [
        types.SimpleNamespace(family=socket.AF_INET, address=address)
        for address in ("127.0.0.1", "192.168.1.5", "169.254.0.3")
    ]
    found.append(types.SimpleNamespace(family=socket.AF_INET6, address="fe80::1"))
    monkeypatch.setattr(server.psutil, "net_if_addrs", lambda: {"one": found})
    url = server.address(8866, ip=ip, path="lab")
    assert server.addresses_for_others(url, ip=ip, names=names) == expected


def test_the_settings_for_a_voila_of_your_own_have_the_headers_of_the_guard():
    settings = json.loads((server.SHARE / "voila.json").read_text())["Voila"]["tornado_settings"]
    assert settings["headers"].items() <= HEADERS.items()


@pytest.mark.parametrize("command", [server.voila_command, server.panel_command])
@pytest.mark.parametrize("port", [0, -1, 65536])
def test_an_impossible_port_is_refused_by_name(command, port):
    with pytest.raises(SpecError, match=rf"port must be .*65535; got {port}\."):
        command(port)


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=re.escape(str(tmp_path / "none.ipynb"))):
        server.voila_command(8866, notebook=tmp_path / "none.ipynb")


def test_a_negative_pool_is_refused(notebook):
    with pytest.raises(SpecError, match=r"preheated must be .*; got -1"):
        server.voila_command(8866, notebook=notebook, preheated=-1)


def test_a_taken_port_is_passed_over():
    with socket.create_server((server.LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
        assert server.free_port(port) != port


def test_a_server_runs_inside_the_block_and_is_gone_after():
    port = server.free_port()
    url = server.address(port)
    with server.running(web_server(port), url, output=subprocess.DEVNULL) as process:
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert answer.status == 200
        assert process.poll() is None
    assert process.poll() is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.LOCAL, port), timeout=1)


CARELESS = """
import fcntl, http.server, os, signal, subprocess, sys, threading

child = "import fcntl, os; fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK); os.read(0, 1)"
subprocess.run([sys.executable, "-c", child], check=True)
signal.signal(signal.SIGUSR1, lambda *_: None)
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        signal.pthread_kill(thread.ident, signal.SIGUSR1)
handler = http.server.SimpleHTTPRequestHandler
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()
"""


@pytest.mark.skipif(os.name != "posix", reason="no such pipes elsewhere")
def test_what_a_child_does_to_its_standard_input_does_not_end_the_server(tmp_path):
    (tmp_path / "careless.py").write_text(CARELESS)
    port = server.free_port()
    argv = [sys.executable, "-m", "careless", str(port)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), *sys.path))}
    url = server.address(port)
    with server.running((argv, env), url, output=subprocess.DEVNULL) as process:
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert answer.status == 200
        assert process.poll() is None


def test_a_server_that_ends_at_once_is_an_error():
    command = ([sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ))
    with (
        pytest.raises(server.ServerError, match="ended with status 3"),
        server.running(command, server.address(server.free_port())),
    ):
        pytest.fail("A server that is not there was handed out.")


def test_another_program_that_answers_at_the_port_is_not_taken_for_the_server():
    command = (
        [sys.executable, "-c", "import threading; threading.Event().wait(1); raise SystemExit(1)"],
        dict(os.environ),
    )
    with (
        socket.create_server((server.LOCAL, 0)) as other,
        pytest.raises(server.ServerError, match="ended with status 1"),
        server.running(command, server.address(other.getsockname()[1])),
    ):
        pytest.fail("A server that another program stands for was handed out.")


def test_a_silent_server_is_an_error_and_is_ended():
    command = (
        [sys.executable, "-c", "import threading; threading.Event().wait()"],
        dict(os.environ),
    )
    with (
        pytest.raises(server.ServerError, match=r"did not answer at .* within 0\.3 seconds"),
        server.running(command, server.address(server.free_port()), patience=0.3),
    ):
        pytest.fail("A server that is silent was handed out.")


def test_the_template_names_no_other_machine():
    namespaces = {"http://www.w3.org/2000/svg"}
    for path in filter(Path.is_file, TEMPLATE.rglob("*")):
        assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'>]*", path.read_text())) <= (
            namespaces
        ), path


def test_a_closed_page_keeps_no_kernel_for_more_than_two_minutes():
    for path in (
        server.SHARE / "voila.json",
        Path(__file__).parents[3] / "binder/jupyter_server_config.json",
    ):
        kernels = json.loads(path.read_text())["MappingKernelManager"]
        assert kernels["cull_idle_timeout"] + kernels["cull_interval"] <= 120
        assert kernels["cull_connected"] is False


def test_the_loading_screen_wears_the_colours_of_the_app():
    style = (TEMPLATE / "landscape.css").read_text()
    for name, colour in {"accent": theme.ACCENT, "ink": theme.INK, "quiet": theme.MUTED}.items():
        assert f"--landscape-{name}: {colour};" in style
