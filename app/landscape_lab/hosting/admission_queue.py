"""Who may enter a server next: visitors wait in the order in which they came.

Opening a page costs a process or a session, and a `GET` should cost nothing: health checks, link
previews and images on foreign pages ask too, and never come back. So each visitor first gets a
ticket and a small page that returns with it at once; only a ticket that returns is let in. Where
there is no room, the page says the visitor's place and returns every few seconds. A ticket that
does not return is dropped.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 1000
"""Tickets kept at most; those that were never shown again make room for new ones first."""

AWAKE = 3.0
"""A ticket keeps others waiting for so many times the interval at which its page asks."""


@dataclass(frozen=True)
class Turn:
    """The answer to a visitor.

    Attributes:
        ticket: what to show when asking again.
        enters: whether the visitor is let in now, and the ticket is used up.
        place: 0 if there is room, else 1 for the next to be let in.
        retry: seconds after which to ask again.
    """

    ticket: str
    enters: bool
    place: int
    retry: float


class AdmissionQueue:
    """Tickets in the order of arrival, and how many of them there is room for."""

    def __init__(
        self,
        room: Callable[[], int],
        *,
        retry: float = 3.0,
        patience: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody waits yet.

        Args:
            room: how many more visitors there is room for now.
            retry: seconds after which a waiting page asks again.
            patience: seconds after which a ticket that was not shown again is dropped. Long before,
                after three times `retry`, it keeps nobody waiting: browsers let hidden pages sleep.
            clock: the time in seconds.
        """
        self._room = room
        self._retry = retry
        self._patience = patience
        self._clock = clock
        self._seen: dict[str, float] = {}
        """Tickets in order, and when each was last shown."""
        self._returned: set[str] = set()

    def __len__(self) -> int:
        """How many visitors wait who have shown their ticket lately."""
        self._drop_lost()
        return sum(map(self._awake, self._seen))

    def ask(self, ticket: str | None) -> Turn:
        """The answer to a visitor who shows a ticket, or has none yet.

        A visitor who is let in must be counted in `room` before anybody else asks.
        """
        self._drop_lost()
        if ticket is None or ticket not in self._seen:
            ticket, known = secrets.token_urlsafe(16), False
        else:
            known = True
            self._returned.add(ticket)
        self._seen[ticket] = self._clock()
        order = list(self._seen)
        before = sum(map(self._awake, order[: order.index(ticket)]))
        place = max(0, before - self._room() + 1)
        if known and place == 0:
            self._forget(ticket)
            return Turn(ticket, enters=True, place=0, retry=0.0)
        return Turn(ticket, enters=False, place=place, retry=self._retry if place else 0.0)

    def _awake(self, ticket: str) -> bool:
        """Whether a ticket keeps others waiting: one that never returned may be a program's."""
        return (
            ticket in self._returned and self._clock() - self._seen[ticket] <= AWAKE * self._retry
        )

    def _drop_lost(self) -> None:
        oldest = self._clock() - self._patience
        lost = [one for one, at in self._seen.items() if at < oldest]
        fresh = [one for one in self._seen if one not in self._returned]
        too_many = max(0, len(self._seen) - LONGEST)
        for one in (*lost, *[*fresh, *self._returned][:too_many]):
            self._forget(one)

    def _forget(self, ticket: str) -> None:
        self._seen.pop(ticket, None)
        self._returned.discard(ticket)
