"""Write constraints.txt: the newest version of every package that the project and its extras take.

    python .ci/lock.py torch==X.Y.Z

pip resolves the requirements as if nothing were installed; nothing is. PyTorch, which has several
builds, is named in the Makefile alone: it and what comes with one build only are left out, and so
are the tools of installation. The file says nothing of a platform: a package that only another
system needs is not in it, and one that is in it and not needed does no harm.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = re.compile(r"torch|triton|nvidia-.*|cuda-.*|pip|setuptools|wheel|landscape-lab")
HEAD = """\
# The versions that the tests run with, for `pip install --constraint`; `make lock` renews them.
# Not a list of requirements: those are in pyproject.toml. PyTorch's version is in the Makefile.
"""


def resolved(torch: str) -> dict[str, str]:
    """Name -> version of all that would be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = project["requires-python"].removeprefix(">=")
    if sys.version_info[:2] != tuple(map(int, lowest.split("."))):
        raise SystemExit(f"Resolve with Python {lowest}: what it can take, newer ones can, too.")
    extras = ",".join(project["optional-dependencies"])
    report = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check"),
            *("--quiet", "--dry-run", "--ignore-installed", "--report", "-"),
            *(torch, f"{ROOT}[{extras}]"),
        ],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    found = (one["metadata"] for one in json.loads(report)["install"])
    return {_plain(one["name"]): one["version"].partition("+")[0] for one in found}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Write the file."""
    lines = [
        f"{name}=={version}\n"
        for name, version in sorted(resolved(sys.argv[1]).items())
        if not LEFT_OUT.fullmatch(name)
    ]
    (ROOT / "constraints.txt").write_text(HEAD + "".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
