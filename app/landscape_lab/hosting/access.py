"""Who may open pages of a server, and how many: what both commands ask for."""

import math
from dataclasses import dataclass

from landscape_core.foundation.errors import SpecError
from landscape_lab.hosting.guard import Name

PASSWORD = "LANDSCAPE_PASSWORD"
"""The environment variable that holds the password: other users can read a command line."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may open pages of a server, and how many.

    Attributes:
        names: `HOST` or `HOST:PORT` that browsers use in addition to that of this machine.
        password: a word that visitors must know; empty if none.
        sessions: pages at the same time; None for as many as memory and processors bear. Later
            visitors wait for a place.
        idle_timeout: minutes without a run or an input after which a page ends; 0 for never.
    """

    names: tuple[str, ...] = ()
    password: str = ""
    sessions: int | None = None
    idle_timeout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            SpecError: names the option.
        """
        for name in self.names:
            if Name.read(name) is None:
                raise SpecError("--origin", name, "HOST or HOST:PORT, such as lab.example:8866")
        if self.sessions is not None and self.sessions < 1:
            raise SpecError("--max-sessions", self.sessions, "a positive number of pages")
        if not 0 <= self.idle_timeout < math.inf:
            raise SpecError("--idle-timeout", self.idle_timeout, "zero or more minutes")


OPEN = Access()
