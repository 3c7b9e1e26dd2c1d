"""Try an installed Landscape Lab, on any system: a slice of a tiny run, and a page that is served.

    python .ci/smoke.py        with the Python of the environment that it is installed in

Nothing of the checkout is used: all happens in an empty folder. Exit code 0: it works.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

PATIENCE = 180.0
"""Seconds until the server answers; the first start on a new machine compiles every module."""


def command() -> str:
    """The command that belongs to this Python."""
    folder = Path(sys.executable).parent
    found = shutil.which("landscape", path=os.pathsep.join(map(str, (folder, folder / "Scripts"))))
    if found is None:
        raise SystemExit(f"There is no command `landscape` in {folder}.")
    return found


def check_installed(folder: str) -> None:
    """What is imported is what was installed, not the checkout."""
    told = subprocess.run(
        [sys.executable, "-c", "import landscape_core; print(landscape_core.__file__)"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()
    if Path(sys.prefix).resolve() not in Path(told).resolve().parents:
        raise SystemExit(f"This is a checkout, not an installed package: {told}")


def slice_a_run(landscape: str, folder: str) -> None:
    """Train for some steps and slice around the end."""
    run = ["train", "--dataset", "spirals", "--steps", "3", "-o", "run.nc"]
    slice_ = ["slice", "run.nc", "--resolution", "5", "-o", "slice.nc"]
    for arguments in (run, slice_, ["plot", "slice.nc", "-o", "slice.png"]):
        subprocess.run([landscape, *arguments], cwd=folder, check=True)
    for name in ("run.nc", "slice.nc", "slice.png"):
        if not (Path(folder) / name).stat().st_size:
            raise SystemExit(f"{name} is empty.")


def serve_a_page(landscape: str, folder: str) -> None:
    """Start the server, ask for the page, end the server and all that it started."""
    with (Path(folder) / "server.txt").open("w+", encoding="utf-8") as log:
        server = subprocess.Popen(
            [landscape, "serve", "--no-browser"], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            page = answer(server, Path(log.name))
        finally:
            started = psutil.Process(server.pid)
            for process in (*started.children(recursive=True), started):
                process.kill()
            server.wait()
    if "Landscape Lab" not in page:
        raise SystemExit(f"This is not the page: {page[:300]}")


def answer(server: "subprocess.Popen[bytes]", log: Path) -> str:
    """The page, once the server has said where it is; its status is 200 or this raises."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        told = log.read_text(encoding="utf-8")
        urls = [word for word in told.split() if word.startswith("http://")]
        if urls:
            try:
                with urllib.request.urlopen(urls[0], timeout=60) as response:
                    print(f"{urls[0]} answers {response.status}")
                    return str(response.read().decode())
            except urllib.error.URLError as error:
                if isinstance(error, urllib.error.HTTPError):
                    raise
        time.sleep(0.2)
    raise SystemExit(f"The server did not answer:\n{log.read_text(encoding='utf-8')}")


def main() -> None:
    """Try it all in an empty folder."""
    # A server that was killed may hold its files for a moment; some systems then keep the folder.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ |= {"LANDSCAPE_CACHE": str(Path(folder) / "cache"), "PYTHONUNBUFFERED": "1"}
        os.environ.pop("PYTHONPATH", None)
        check_installed(folder)
        landscape = command()
        slice_a_run(landscape, folder)
        serve_a_page(landscape, folder)


if __name__ == "__main__":
    main()
