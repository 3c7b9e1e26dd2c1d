"""An environment for each tool: its package as published, and what it imports that is missing.

    python benchmarks/peers/environments.py

makes those that are not there yet. All of them see the packages of the interpreter that makes
them, after their own, so that torch is on the disk once and every tool runs on the same one.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

PLACE = Path(__file__).resolve().parent.parent / ".environments"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A published tool.

    Args:
        package: its name on PyPI.
        module: the module in `peers` that runs it.
        needs: packages it imports that Landscape Lab does not install.
    """

    package: str
    version: str
    module: str
    needs: tuple[str, ...] = ()

    def requirements(self) -> list[str]:
        return [f"{self.package}=={self.version}", *self.needs]


PEERS = (
    Peer(package="loss-landscapes", version="3.0.6", module="loss_landscapes"),
    Peer(package="losscape", version="1.5.10", module="losscape"),
    Peer(package="loss-landscape-3d", version="0.1.3", module="loss_landscape_3d"),
    Peer(
        package="loss-landscape-anim",
        version="0.1.10",
        module="loss_landscape_anim",
        needs=(
            "pytorch-lightning==2.6.6",
            "torchmetrics==1.9.0",
            "lightning-utilities==0.15.3",
            "importlib_resources==7.1.0",
        ),
    ),
    Peer(
        package="landscaper",
        version="1.3.1",
        module="landscaper",
        needs=(
            "gudhi==3.13.0",
            "topopy==1.0.4",
            "nglpy==1.1.7",
            "coloraide==8.13.1",
            "drawsvg==2.4.2",
        ),
    ),
)


def environment(peer: Peer) -> Path:
    """The interpreter that has the tool; its environment is made where there is none yet.

    Raises:
        InstallationError: with the last line that pip said.
    """
    place = PLACE / peer.package
    stamp = place / "made-from.txt"
    recipe = "\n".join([sys.version, *libraries(), *peer.requirements()])
    if not (stamp.exists() and stamp.read_text() == recipe):
        venv.create(place, clear=True, with_pip=True)
        install(peer, place)
        stamp.write_text(recipe)
    return interpreter(place)


def install(peer: Peer, place: Path) -> None:
    command = [str(interpreter(place)), "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run([*command, *peer.requirements()], capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1]
        raise InstallationError(f"{peer.package} {peer.version} does not install: {last}")
    # Only now, so that pip does not take what lies there for a part of this environment.
    own = sysconfig.get_path("purelib", vars={"base": str(place)})
    (Path(own) / "benchmark.pth").write_text("\n".join(libraries()))


def libraries() -> list[str]:
    """Where the running interpreter keeps its packages."""
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


def interpreter(place: Path) -> Path:
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class InstallationError(Exception):
    """A tool that does not install here."""


def main() -> None:
    for peer in PEERS:
        try:
            print(f"{peer.package} {peer.version}: {environment(peer)}")
        except InstallationError as error:
            print(error)


if __name__ == "__main__":
    main()
