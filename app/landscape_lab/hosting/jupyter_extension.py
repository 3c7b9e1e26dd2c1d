"""An extension of Jupyter Server that puts the guard before the pages of Voila there.

    {"ServerApp": {"jpserver_extensions": {"landscape_lab.hosting.jupyter_extension": true}}}

On Binder and JupyterHub, Voila is an extension of each user's own server, which asks for the login;
but a browser also sends the login's cookie with an image on a foreign page, or a page that it
fetches before anybody asks. Such requests are refused, and a page opens when its script has asked
for it once more: one request alone starts no kernel.
"""

from typing import Any

from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.serverapp import ServerApp
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, PathMatches, Rule, RuleRouter
from tornado.web import Application
from voila.tornado.handler import TornadoVoilaHandler

from landscape_lab.hosting.aborted_pages import AbortedPages
from landscape_lab.hosting.admission_queue import AdmissionQueue
from landscape_lab.hosting.gate import RefusingHandler
from landscape_lab.hosting.guard import Refusal, misuse
from landscape_lab.hosting.limits import BoundedKernels
from landscape_lab.hosting.stage import RECORDINGS
from landscape_lab.hosting.voila_server import PageHandler, recordings_of

FILES = {"path": [str(RECORDINGS)]}


class Uses:
    """Refuses what no visitor asks for; Jupyter does the rest."""

    def refusal(self, request: HTTPServerRequest) -> Refusal | None:
        """Why a request is refused; None if it is not."""
        return misuse(request)


class Misused(Matcher):
    """Matches what is refused of the addresses of Voila."""

    def __init__(self, base: str) -> None:
        """Keep the path in front of every address, with a slash on both sides."""
        self._path = f"{base}voila"

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """As tornado asks: a dictionary if it matches."""
        return {} if request.path.startswith(self._path) and misuse(request) else None


def guard_pages(application: Application, queue: AdmissionQueue) -> None:
    """Let visitors of Voila's pages wait, where Voila has entered its rules."""
    routers: list[RuleRouter] = [application.default_router]
    begun: dict[str, Any] = {}
    for router in routers:
        for rule in router.rules:
            if isinstance(rule.target, RuleRouter):
                routers.append(rule.target)
            elif rule.target is TornadoVoilaHandler:
                rule.target = PageHandler
                rule.target_kwargs = {**rule.target_kwargs, "queue": queue, "begun": begun}


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    AbortedPages.put_before(server.log)
    application, kernels = server.web_app, server.kernel_manager
    router = application.default_router
    refused = Rule(Misused(server.base_url), RefusingHandler, {"guard": Uses()})
    router.rules.insert(0, router.process_rule(refused))
    files = Rule(
        PathMatches(recordings_of(server.base_url) + r"(.*\.json)"), FileFindHandler, FILES
    )
    router.rules.insert(1, router.process_rule(files))
    if isinstance(kernels, BoundedKernels):
        queue = AdmissionQueue(lambda: kernels.room)
        # Once the loop runs, all extensions are there.
        server.io_loop.add_callback(guard_pages, application, queue)
