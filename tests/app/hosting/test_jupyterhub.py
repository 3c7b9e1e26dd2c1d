"""The app behind a real JupyterHub and its proxy: two users, a prefix, the hub's own login."""

import os
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path
from shutil import which

import pytest

import browser_support as web
from landscape_lab.hosting import server
from waiting import until

ROOT = Path(__file__).resolve().parents[3]
CONFIGURATION = ROOT / "deploy" / "jupyterhub" / "jupyterhub_config.py"
HUB, PROXY = which("jupyterhub"), which("configurable-http-proxy")
PASSWORD = "correct horse"

TRIAL = """
get_config()  # what the next line reads is entered into the same configuration
exec(compile(open({configuration!r}).read(), {configuration!r}, "exec"))
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/course/"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "LANG"]
c.Spawner.args = [*c.Spawner.args, "--allow-root"]
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.exhaustive,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (HUB and PROXY), reason="jupyterhub and configurable-http-proxy are not installed"
    ),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """The address of a running hub, under a prefix."""
    folder = tmp_path_factory.mktemp("hub")
    port, hub_port, api_port = (server.free_port() for _ in range(3))
    configuration = folder / "trial.py"
    configuration.write_text(
        TRIAL.format(
            configuration=str(CONFIGURATION),
            folder=folder,
            password=PASSWORD,
            port=port,
            hub_port=hub_port,
            api_port=api_port,
        )
    )
    argv = [str(HUB), "--config", str(configuration)]
    scripts = sysconfig.get_path("scripts")
    env = {
        **os.environ,
        "LANDSCAPE_COMMAND": f"{sys.executable} -m landscape_lab",
        "PATH": os.pathsep.join((os.environ["PATH"], scripts)),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app"))),
    }
    with server.running(
        (argv, env), server.address(port, path="/course/"), output=subprocess.DEVNULL
    ):
        found = server.address(port, path="/course/").rstrip("/")
        until(lambda: answers(f"{found}/hub/api"), "the hub behind its proxy")
        yield found


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser():
    with web.browser() as opened:
        yield opened


def sign_in(visitor, user):
    page = visitor.page
    page.goto(f"{visitor.url}/hub/login")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url(f"**/user/{user}/voila/render/app.ipynb*", timeout=180_000)
    page.locator(".bar[data-frame]").first.wait_for(timeout=120_000)


def test_two_users_each_play_their_own_run_behind_the_prefix(browser, hub):
    first, second = (web.Visitor(browser, hub) for _ in range(2))
    sign_in(first, "ada")
    sign_in(second, "bert")
    for visitor in (first, second):
        visitor.press("play")
        visitor.until(lambda shown=visitor: shown.step() > 5, "steps of the run", patience=90.0)
    first.press("play")
    first.at_rest()
    held, passed = first.step(), second.step()
    second.until(lambda: second.step() > passed, "the other run to go on")
    assert first.step() == held
    assert first.errors == second.errors == []
    assert first.strangers == second.strangers == []


def test_a_page_of_another_user_asks_for_a_login(browser, hub):
    stranger = web.Visitor(browser, hub)
    stranger.page.goto(f"{hub}/user/ada/voila/render/app.ipynb")
    assert "/hub/login" in stranger.page.url
