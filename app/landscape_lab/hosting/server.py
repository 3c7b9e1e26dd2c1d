"""How the app is started: the commands of Voila and Panel, and their processes.

The tests, the benchmarks and the command line share these, so that what is tested is what runs.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from landscape_core.foundation.errors import LandscapeError, MissingDataError, SpecError
from landscape_lab.bridge import hosted
from landscape_lab.hosting import lifeline
from landscape_lab.hosting.access import OPEN, PASSWORD, Access
from landscape_lab.hosting.guard import LOOPBACK, Name

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE / "app.ipynb"
SCRIPT = HERE / "serve.py"
SHARE = HERE / "share"
LOCAL = "127.0.0.1"
LAST_PORT = 65535
PATIENCE = 10.0
"""Seconds that a server has to end in order."""

START = 300.0
"""Seconds that a server has to start: it listens once it can show a page."""

FEW_THREADS = {"OMP_NUM_THREADS": "1"}
"""Networks of this size gain nothing from a second thread, and browser and visitors lose one."""

PAGES_EACH = 24
"""Pages that one process shows at the same time, by default: a class of thirty on two cores, with
room for those who open the page twice."""

SPARE_EACH = PAGES_EACH
"""Pages that each process of `landscape serve` has ready or open: 5 MB and half a second each."""

WORKERS = 1
"""Processes for what takes long, of all pages together; some 250 MB each, once it is needed."""

UNCHECKED = {"BOKEH_VALIDATE_DOC": "false"}
"""Looking for mistakes in each document anew takes a fifth of the time to build it."""

Command = tuple[list[str], dict[str, str]]


class ServerError(LandscapeError, RuntimeError):
    """A server ended, or did not answer, before it could be used."""


def voila_command(
    port: int,
    *,
    notebook: Path = NOTEBOOK,
    ip: str = LOCAL,
    base_url: str = "/",
    preheated: int = 0,
    access: Access = OPEN,
) -> Command:
    """Arguments and environment of a Voila server: one Python process for each open page.

    Args:
        port: where to listen; taken as it is, so that the address is known beforehand.
        notebook: what each visitor runs.
        ip: the interface to listen on.
        base_url: the path in front of every address, for a proxy.
        preheated: kernels that are kept started, so that the page opens in half the time.
        access: who may open pages, and how many.
    """
    _check(port, notebook)
    if preheated < 0:
        raise SpecError("preheated", preheated, "zero or a positive number of kernels")
    argv = [
        *(sys.executable, "-m", "landscape_lab.hosting.voila_server", str(notebook)),
        f"--port={port}",
        "--Voila.port_retries=0",
        f"--Voila.ip={ip}",
        f"--base_url={_slashed(base_url)}",
        "--no-browser",
    ]
    argv += [f"--GuardedVoila.given_names={name}" for name in access.names]
    if access.sessions is not None:
        argv.append(f"--BoundedKernels.places={access.sessions}")
    if access.idle_timeout:
        argv.append(f"--GuardedVoila.idle_timeout={60 * access.idle_timeout}")
    if preheated:
        argv += ["--preheat_kernel=True", f"--pool_size={preheated}"]
    env = {**FEW_THREADS, **os.environ, **_voila_paths(os.environ), **_told(access)}
    own = ip in LOOPBACK and not access.names and not access.password
    return argv, env if own else {**env, hosted.VISITORS: "1"}


def panel_command(  # noqa: PLR0913 - the options of a command line
    port: int,
    *,
    script: Path = SCRIPT,
    ip: str = LOCAL,
    prefix: str = "",
    processes: int = 1,
    spare: int = 0,
    access: Access = OPEN,
    workers: int = 0,
) -> Command:
    """Arguments and environment of a Panel server that all visitors share.

    Args:
        port: where to listen.
        script: a `.py` or `.ipynb` file that shows the app.
        ip: the interface to listen on.
        prefix: the path in front of every address, for a proxy.
        processes: among which the pages are distributed, each on a core of its own.
        spare: pages that each process builds before anybody asks for them.
        access: who may open pages, and how many: by default `PAGES_EACH` for each process.
        workers: processes that compute what takes long, started when first needed.
    """
    _check(port, script)
    if workers < 0:
        raise SpecError("workers", workers, "zero or a positive number of processes")
    if processes < 1:
        raise SpecError("processes", processes, "a positive number of processes")
    argv = [
        *(sys.executable, "-m", "landscape_lab.hosting.front", str(script)),
        *("--port", str(port), "--address", ip, "--processes", str(processes)),
        *("--max-sessions", str(access.sessions or PAGES_EACH * processes), "--spare", str(spare)),
        *("--workers", str(workers)),
    ]
    if prefix:
        argv += ["--prefix", prefix]
    for origin in access.names:
        argv += ["--origin", origin]
    env = {**FEW_THREADS, **os.environ, "BOKEH_RESOURCES": "server", **UNCHECKED}
    env |= _told(access)
    return argv, {**env, hosted.IDLE_TIMEOUT: str(60 * access.idle_timeout)}


def address(port: int, *, ip: str = LOCAL, path: str = "/") -> str:
    """The address at which a browser on this machine finds the server."""
    host = LOCAL if ip in ("", "0.0.0.0", "::") else f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}{_slashed(path)}"


def addresses_for_others(url: str, *, ip: str, names: Sequence[str] = ()) -> list[str]:
    """The addresses at which other computers of the network find the server of `address`.

    Under the given names, if one has the server's port or none (others belong to a proxy), else
    under the machine's IPv4 addresses. None if it listens for this machine only.

    Args:
        url: what `address` returned.
        ip: the address that the server listens on.
        names: `HOST` or `HOST:PORT` of `--origin`.
    """
    if ip not in ("", "0.0.0.0", "::"):
        return []
    parts = urllib.parse.urlsplit(url)
    read = [name for name in map(Name.read, names) if name is not None]
    hosts = [name.host for name in read if name.port in (None, parts.port)]
    if not names:
        found = (one for each in psutil.net_if_addrs().values() for one in each)
        numbers = (one.address for one in found if one.family == socket.AF_INET)
        hosts = [number for number in numbers if not number.startswith(("127.", "169.254."))]
    return [f"http://{host}:{parts.port}{parts.path}" for host in hosts]


def free_port(first: int = 0) -> int:
    """A port that nobody listens on: the first choice, one of the next nine, or any.

    Raises:
        SpecError: no port has this number.
        ServerError: none is free.
    """
    if not 0 <= first <= LAST_PORT:
        raise SpecError("the port", first, f"between 0 and {LAST_PORT}")
    choices = (*range(first, min(first + 9, LAST_PORT) + 1), 0) if first else (0,)
    for port in choices:
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOCAL, port))
                return int(probe.getsockname()[1])
    raise ServerError("No port is free on this machine.")


@contextlib.contextmanager
def running(
    command: Command, url: str, *, patience: float = START, output: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, wait until it answers, and end it with all its kernels on leaving.

    Its temporary files lie in a folder of its own, which goes with it. A module of Python also ends
    when this process is killed.

    Args:
        command: what `voila_command` or `panel_command` returned.
        url: an address that answers once the server is there.
        patience: seconds to wait until it listens.
        output: where its text goes, as in `subprocess.Popen`; by default to the terminal.

    Raises:
        ServerError: it ended or stayed silent.
    """
    argv, env = command
    if argv[:2] == [sys.executable, "-m"]:
        argv = [sys.executable, "-m", lifeline.__name__, *argv[2:]]
    with _temporary_folder() as folder:
        # A session of its own: Ctrl-C reaches only us, and we end the server once and in order.
        process = subprocess.Popen(
            argv,
            env={**env, "TMPDIR": folder, lifeline.FOLDER: folder},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=HERE,
        )
        try:
            _wait_until_answering(process, url, patience)
            yield process
        finally:
            _end(process)


def _check(port: int, source: Path) -> None:
    if not 1 <= port <= 65535:
        raise SpecError("port", port, "a number from 1 to 65535")
    if not source.is_file():
        raise MissingDataError(
            f"{source} is missing: it is what the server shows. It lies in a clone of the "
            "repository; install from there with `make app`."
        )


def _told(access: Access) -> dict[str, str]:
    return {PASSWORD: access.password} if access.password else {}


def _slashed(path: str) -> str:
    return f"/{path.strip('/')}/" if path.strip("/") else "/"


def _voila_paths(environ: Mapping[str, str]) -> dict[str, str]:
    """Where Jupyter looks for our template and for `share/voila.json`, before its own places."""
    ours = {"JUPYTER_PATH": SHARE / "jupyter", "JUPYTER_CONFIG_PATH": SHARE}
    return {
        name: os.pathsep.join(filter(None, (str(path), environ.get(name))))
        for name, path in ours.items()
    }


def _wait_until_answering(process: subprocess.Popen[bytes], url: str, patience: float) -> None:
    where = urllib.parse.urlsplit(url)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(
                f"The server ended with status {process.returncode} before it answered at {url}."
            )
        # Only knock: asking for the page would start a kernel. Who answers may be another program
        # that has taken the port meanwhile; ours then ends.
        with contextlib.suppress(OSError):
            socket.create_connection((where.hostname, where.port), timeout=2).close()
            if _listens(process.pid, where.port):
                return
        time.sleep(0.05)
    raise ServerError(f"The server did not answer at {url} within {patience:g} seconds.")


def _listens(pid: int, port: int | None) -> bool:
    """Whether a process or one that it has started listens on a port; true where nobody can say."""
    try:
        server = psutil.Process(pid)
        for process in (server, *server.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                for one in process.net_connections("tcp"):
                    if one.status == psutil.CONN_LISTEN and one.laddr.port == port:
                        return True
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        pass
    return False


@contextlib.contextmanager
def _temporary_folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="landscape-lab-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what is left may write into it meanwhile


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask politely, so that kernels end too; after some seconds insist."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # it, and what it has left of its group
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
