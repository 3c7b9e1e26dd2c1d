"""A headless Chromium and served pages for the tests.

Every request and every error of a page is written down. No name but this machine's is resolved, so
that a request elsewhere fails as it would offline.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, WebSocket, sync_playwright

from landscape_lab.hosting import server
from waiting import happens

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # WebGL in software, the same on every machine.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)

LOCAL = ("localhost", "127.0.0.1", "")
"""Hosts that are no journey; the empty one belongs to `data:` and `blob:`."""

QUIET = 0.8
"""Seconds without a new picture after which a page is taken to be at rest."""

CANVASES = """figure => {
  const found = [], look = node => {
    for (const child of node.querySelectorAll("*")) {
      if (child.tagName === "CANVAS") found.push(child.toDataURL());
      if (child.shadowRoot) look(child.shadowRoot);
    }
  };
  look(figure.shadowRoot ?? figure);
  return found.join();
}"""

RUNNING_OUT = """() => {
  const roots = [document];
  for (const root of roots)
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) roots.push(node.shadowRoot);
  const ends = one => Number.isFinite(one.effect?.getComputedTiming().endTime);
  return !roots.flatMap(root => root.getAnimations()).some(
    one => one.playState === "running" && ends(one));
}"""
"""Whether no animation is under way in the page, but those without an end."""

UNFOLDED = """node => {
  for (let group = node.closest("details"); group; group = group.parentElement.closest("details"))
    group.open = true;
}"""

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """The browser that $CHROMIUM names, one of the system's, or the one that Playwright has."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


@contextlib.contextmanager
def served(
    kind: str, cache: Path, source: Path | None = None, *, preheated: int = 0
) -> Iterator[str]:
    """The address of the app, or of another page, under `voila` or `panel serve`.

    Args:
        kind: `voila` or `panel`.
        cache: the folder that the app stores in.
        source: the notebook or script that is shown instead of the app.
        preheated: kernels that Voila keeps started.
    """
    port = server.free_port()
    if kind == "voila":
        argv, env = server.voila_command(
            port, notebook=source or server.NOTEBOOK, preheated=preheated
        )
        path = ""
    else:
        script = source or server.SCRIPT
        argv, env = server.panel_command(port, script=script)
        path = script.stem
    env = {
        **env,
        "LANDSCAPE_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app"))),
    }
    with server.running((argv, env), server.address(port), output=subprocess.DEVNULL):
        yield server.address(port).rstrip("/") + "/" + path


@contextlib.contextmanager
def laboratory(folder: Path, application: str = "jupyterlab") -> Iterator[str]:
    """The address of a JupyterLab, or a Jupyter Notebook, that shows a folder.

    Its settings and caches are kept there, too.

    Args:
        folder: where the notebooks lie.
        application: the module, `jupyterlab` or `notebook`.
    """
    port = server.free_port()
    own = folder / ".jupyter"
    argv = [
        *(sys.executable, "-m", application, f"--port={port}", "--ServerApp.port_retries=0"),
        *("--no-browser", "--allow-root", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"),
        *("--IdentityProvider.token=", "--ServerApp.password=", "--LabApp.news_url=None"),
        "--LabApp.extension_manager=readonly",
    ]
    env = {
        **os.environ,
        **{name: str(own) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR", "LANDSCAPE_CACHE")},
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "app"))),
    }
    with server.running((argv, env), server.address(port), output=subprocess.DEVNULL):
        yield server.address(port).rstrip("/")


class Visitor:
    """Someone before a page of ours: looks, presses, chooses, and waits for what follows."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        size: tuple[int, int] = (1366, 768),
        *,
        touch: bool = False,
    ) -> None:
        """A window of its own, which remembers nothing of others; `open` loads the page."""
        width, height = size
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch)
        self.url = url
        self.page = context.new_page()
        self.strangers: list[str] = []
        self.errors: list[str] = []
        self.sockets: list[WebSocket] = []
        self.sent = 0
        """Messages that the page has sent to Python."""
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("websocket", self._listen)
        self.page.on("console", self._complain)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, link: str = "", wait_for: str = ".bar[data-frame]") -> "Visitor":
        """Load the page with a link behind its address, and wait until an element is there.

        The recorded run that is shown before gives way at once, and does not play to its end.
        """
        self.page.goto(self.url + link, wait_until="commit")
        self.page.locator(wait_for).first.wait_for(timeout=60_000)
        if "#waiting" not in wait_for:
            self.page.evaluate("() => window.landscapeStage?.give()")
            self.page.locator("#stage").wait_for(state="detached")
        return self

    def until(
        self, condition: Callable[[], object], what: str = "it to happen", patience: float = 60.0
    ) -> None:
        """Wait for something; the page lives on meanwhile."""
        if not happens_on(self.page, condition, patience):
            raise AssertionError(
                f"waited {patience:g} s for {what}; {self._state()}; errors: {self.errors}"
            )

    def _state(self) -> str:
        """What the toolbar and its message say, if the page has one."""
        found = self.page.locator(".bar[data-frame], .message:visible").all_inner_texts()
        return " ".join(" | ".join(found).split()) or "no toolbar"

    def at_rest(self) -> None:
        """Wait until no run goes on and no more pictures come."""
        self.until(lambda: self.frame() and self.status() != "running", "the run to be held")
        last, since = self.frame(), time.monotonic()

        def quiet():
            nonlocal last, since
            if self.frame() != last:
                last, since = self.frame(), time.monotonic()
            return time.monotonic() - since > QUIET

        self.until(quiet, "no more pictures", patience=60.0)

    def painted(self) -> None:
        """Wait until the page has painted what it has been told so far."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def still(self) -> None:
        """Wait until every transition and animation that has an end has come to it."""
        self.page.wait_for_function(RUNNING_OUT)

    def hears(self, text: str) -> None:
        """Wait for a message from Python that contains a text."""
        with self.sockets[-1].expect_event("framereceived", lambda sent: text in str(sent)):
            pass

    def press(self, action: str) -> None:
        """Click the button of the toolbar that does this."""
        self.page.locator(f"button[data-action='{action}']").click()

    def pick(self, path: str, value: str) -> None:
        """Choose a value in the menu of a path of the scene, whose group is opened if need be."""
        self.unfold(path)
        self.page.locator(f"select[data-path='{path}']").select_option(value)

    def type(self, path: str, text: str) -> None:
        """Type a value into the field of a path of the scene, whose group is opened if need be."""
        self.unfold(path)
        field = self.page.locator(f"input[data-path='{path}']")
        field.fill(text)
        field.press("Enter")

    def unfold(self, path: str) -> None:
        """Open the groups of the form that hold the control of a path."""
        self.page.locator(f"[data-path='{path}']").first.evaluate(UNFOLDED)

    def open_preset(self, name: str) -> None:
        """Open a preset by its card in the gallery."""
        self.press("examples")
        self.page.locator(f"dialog.examples [data-example='{name}']").click()

    def preset(self) -> str:
        """The name of the preset that the toolbar names."""
        return said(self.page.locator("[data-action='examples']"), "preset")

    def reading(self, name: str) -> str:
        """A reading of the toolbar, as it is written there."""
        return self.page.locator(f"[data-reading='{name}']").inner_text()

    def step(self) -> int:
        """The training step that is shown."""
        return int(re.sub(r"\D", "", self.reading("step")) or 0)

    def status(self) -> str:
        """What the run does: ready, running, paused, diverged or finished."""
        return said(self.page.locator(".status").first, "status")

    def frame(self) -> int:
        """The number of the picture that is shown."""
        return int(said(self.page.locator(".bar").first, "frame") or 0)

    def picture(self) -> str:
        """The pixels of the landscape from above."""
        return self.page.locator(".bk-Figure").first.evaluate(CANVASES)

    def _listen(self, socket: WebSocket) -> None:
        self._note(socket.url)
        self.sockets.append(socket)
        socket.on("framesent", self._count)

    def _count(self, _: object) -> None:
        self.sent += 1

    def _note(self, url: str) -> None:
        if (urllib.parse.urlsplit(url).hostname or "") not in LOCAL:
            self.strangers.append(url)

    def _complain(self, message) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")


def happens_on(page: Page, condition: Callable[[], object], patience: float = 60.0) -> bool:
    """Whether something happens on a page within so many seconds; the page lives on meanwhile."""
    return happens(condition, patience, rest=lambda: page.wait_for_timeout(30))


def said(place: Locator, name: str) -> str:
    """What an element says of itself in its attribute `data-name`; empty if nothing."""
    return place.get_attribute(f"data-{name}") or ""
