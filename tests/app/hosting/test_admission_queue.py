"""Visitors are let in in the order in which they came, and nobody waits for one who has gone."""

import pytest

from landscape_lab.hosting.admission_queue import AWAKE, LONGEST, RETURN, AdmissionQueue


class Server:
    """A queue before a server with so much room, at a time that the test sets."""

    def __init__(self, room):
        self.now = 0.0
        self.room = room
        self.queue = AdmissionQueue(lambda: self.room, clock=lambda: self.now)

    def come(self):
        """The ticket of a visitor who has shown it once."""
        ticket = self.queue.ask(None).ticket
        return ticket if self.ask(ticket) else None

    def ask(self, *tickets):
        """The place of a visitor who shows tickets; 0 if let in."""
        turn = self.queue.ask(*tickets)
        self.room -= turn.enters
        assert turn.enters == (turn.place == 0)
        return turn.place


def test_a_first_request_opens_nothing_and_its_return_does():
    server = Server(1)
    first = server.queue.ask(None)
    assert (first.enters, first.place, first.retry) == (False, 0, 0.0)
    again = server.queue.ask(first.ticket)
    assert (again.enters, again.place) == (True, 0)
    assert not server.queue.ask(first.ticket).enters  # a ticket opens one page


def test_requests_that_never_return_keep_nobody_waiting():
    server = Server(1)
    for _ in range(3 * LONGEST):
        assert not server.queue.ask(None).enters
    assert server.come() is None
    assert server.room == 0


def test_only_so_many_tickets_are_kept_and_those_that_never_returned_go_first():
    server = Server(0)
    waits = server.come()
    programs = [server.queue.ask(None).ticket for _ in range(LONGEST + 1)]
    server.room = LONGEST
    assert server.queue.ask(programs[-1]).enters
    assert not server.queue.ask(programs[0]).enters
    assert server.queue.ask(waits).enters


def test_visitors_are_let_in_in_the_order_in_which_they_came():
    server = Server(0)
    tickets = [server.come() for _ in range(4)]
    assert len(server.queue) == 4
    assert [server.ask(ticket) for ticket in reversed(tickets)] == [4, 3, 2, 1]
    server.room = 2
    assert [server.ask(ticket) for ticket in reversed(tickets)] == [2, 1, 0, 0]
    server.room = 1
    assert server.come() is not None  # comes last, though there is room for one
    assert server.ask(tickets[2]) == 0


def test_a_visitor_who_does_not_ask_any_more_is_passed_over_but_keeps_the_place_for_a_while():
    server = Server(0)
    first, second = server.come(), server.come()
    server.now = AWAKE * 3.0 + 1
    assert server.ask(second) == 1
    assert server.ask(first) == 1
    assert server.ask(second) == 2
    server.now += 121
    assert server.ask(second) == 1  # a new ticket: both were dropped
    assert len(server.queue) == 0


class OpenPage:
    """A page that was left so many seconds ago."""

    def __init__(self):
        self.since, self.ended = None, False

    def left(self):
        return self.since

    def end(self):
        self.ended = True


def opened(server):
    """The ticket of a visitor who was let in, and the page."""
    ticket, page = server.queue.ask().ticket, OpenPage()
    assert server.queue.ask(ticket).enters
    server.room -= 1
    server.queue.opened(ticket, page)
    return ticket, page


def test_who_loads_a_page_anew_goes_before_those_who_wait_and_gets_the_place_that_it_frees():
    server = Server(1)
    ticket, page = opened(server)
    waits = server.come()
    first = server.queue.ask(ticket)
    assert (first.enters, first.place, first.retry) == (False, 0, 0.0)  # its page is there still
    page.since = 0.1
    again = server.queue.ask(first.ticket, ticket)
    assert (again.enters, again.place) == (False, 1)
    assert 0 < again.retry < server.queue.ask(waits).retry
    assert page.ended
    assert server.ask(waits) == 2
    server.room = 1
    assert server.ask(waits) == 1
    assert server.ask(first.ticket, ticket) == 0
    assert server.ask(waits) == 1
    # The page gives its place once.
    other = server.queue.ask(ticket)
    assert server.queue.ask(other.ticket, ticket).place == 2


def test_a_second_page_of_a_visitor_comes_last_as_long_as_the_first_is_there():
    server = Server(1)
    ticket, _ = opened(server)
    waits = server.come()
    second = server.queue.ask(ticket)
    assert server.ask(second.ticket, ticket) == 2
    assert server.ask(waits) == 1


def test_a_page_that_was_left_long_ago_counts_no_more():
    server = Server(1)
    ticket, page = opened(server)
    server.come()
    page.since = RETURN + 1
    first = server.queue.ask(ticket)
    assert first.place == 2
    assert server.ask(first.ticket, ticket) == 2
    assert not page.ended


@pytest.mark.parametrize("ticket", ["", "made up", "x" * 10_000])
def test_a_ticket_that_was_not_given_out_is_worth_nothing(ticket):
    server = Server(5)
    turn = server.queue.ask(ticket)
    assert not turn.enters
    assert turn.ticket != ticket
