"""What `landscape serve` shows, and at which paths."""

from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).resolve().with_name("serve.py")
"""The script that shows the app."""


@dataclass(frozen=True)
class Served:
    """What is served: a script at a path in front of which a proxy may stand.

    `spare` pages are built beforehand; `workers` compute what takes long for all of them.
    """

    script: Path
    prefix: str = ""
    spare: int = 0
    workers: int = 0

    @property
    def is_the_app(self) -> bool:
        """Whether the app is served, of which there are recorded runs, and not another script."""
        return self.script == SCRIPT

    @property
    def page(self) -> str:
        """The path at which a page is opened."""
        return f"{self.prefix}/{self.script.stem}"

    def opens_nothing(self, path: str) -> bool:
        """Whether Panel answers a path without a session: `autoload.js` makes one, for instance."""
        files = (f"{self.prefix}/static/", f"{self.page}/static/")
        return path in (self.prefix, f"{self.prefix}/", f"{self.page}/metadata") or (
            path.startswith(files)
        )
