"""Who may enter a server next: visitors wait in the order in which they came.

Opening a page costs a process or a session, and a `GET` should cost nothing: health checks, link
previews and images on foreign pages ask too, and never come back. So each visitor first gets a
ticket and a page that returns it at once; only a ticket that returns is let in. Where
there is no room, the page says the visitor's place and returns every few seconds. A ticket that
does not return is dropped.

A ticket that was let in stands for its page from then on. Who shows the ticket of a page that was
left a moment ago loads it again, and goes before those who wait: the place that becomes free is
theirs. A browser leaves the old page only when it has an answer, so the first is to come back.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

LONGEST = 1000
"""Tickets kept at most; those that were never shown again make room for new ones first."""

AWAKE = 3.0
"""A ticket keeps others waiting for so many times the interval at which its page asks."""


SOON = 1.0
"""Seconds after which a visitor asks again who may be loading a page anew."""

RETURN = 30.0
"""Seconds after a page was left in which it is loaded anew before others are let in."""


class OpenPage(Protocol):
    """A page that a visitor was let in to."""

    def left(self) -> float | None:
        """Seconds since the page was left or ended; None while it is there or on its way."""

    def end(self) -> None:
        """End the page soon, since it was left and its visitor has come again."""


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
        self._pages: dict[str, OpenPage] = {}
        """Pages by the tickets with which they were opened."""

    def __len__(self) -> int:
        """How many visitors wait who have shown their ticket lately."""
        self._drop_lost()
        return sum(map(self._awake, self._seen))

    def opened(self, ticket: str, page: OpenPage) -> None:
        """A visitor was let in with this ticket, to this page."""
        self._pages[ticket] = page

    def ask(self, *shown: str) -> Turn:
        """The answer to a visitor who shows tickets, the latest first, or has none yet.

        A visitor who is let in must be counted in `room` before anybody else asks.
        """
        self._drop_lost()
        owned = [one for one in shown if one in self._pages]
        ticket = next((one for one in shown if one in self._seen), None)
        known = ticket is not None
        if ticket is None:
            ticket = secrets.token_urlsafe(16)
        else:
            self._returned.add(ticket)
        self._seen[ticket] = self._clock()
        if known and (left := [one for one in owned if self._pages[one].left() is not None]):
            self._pages[left[0]].end()
            self._seen = {ticket: self._seen[ticket], **self._seen}
        return self._turn(ticket, known=known, owned=owned)

    def _turn(self, ticket: str, *, known: bool, owned: Sequence[str]) -> Turn:
        order = list(self._seen)
        before = sum(map(self._awake, order[: order.index(ticket)]))
        place = max(0, before - self._room() + 1)
        if known and place == 0:
            self._forget(ticket)
            for one in [one for one in owned if self._pages[one].left() is not None][:1]:
                del self._pages[one]  # it gives its place once
            return Turn(ticket, enters=True, place=0, retry=0.0)
        if owned and not known:
            place = 0
        retry = min(SOON, self._retry) if owned else self._retry
        return Turn(ticket, enters=False, place=place, retry=retry if place else 0.0)

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
        gone = [one for one, page in self._pages.items() if (page.left() or 0.0) > RETURN]
        for one in (*gone, *list(self._pages)[: max(0, len(self._pages) - LONGEST)]):
            self._pages.pop(one, None)
        for one in (*lost, *[*fresh, *self._returned][:too_many]):
            self._forget(one)

    def _forget(self, ticket: str) -> None:
        self._seen.pop(ticket, None)
        self._returned.discard(ticket)
