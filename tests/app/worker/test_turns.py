"""Turns: the pages of a process draw one at a time, in the order in which they asked."""

import pytest

from landscape_lab.worker.turns import LONGEST, Turns


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def turns(clock):
    return Turns(clock)


@pytest.fixture
def drawn(turns):
    """Whose turn came, in order; `ask` takes a name."""
    came = []

    def ask(*names):
        for name in names:
            turns.ask(name, lambda name=name: came.append(name))
        return came

    return ask


def test_one_page_draws_at_a_time_in_the_order_of_asking(turns, drawn):
    assert drawn("a", "b", "c") == ["a"]
    turns.done("a")
    assert drawn() == ["a", "b"]
    turns.done("b")
    assert drawn() == ["a", "b", "c"]


def test_all_who_play_get_equally_many_turns_however_often_they_ask(turns, drawn):
    came = drawn("eager", "slow", "other")
    for _ in range(29):
        here = came[-1]
        drawn(here, "eager", "eager")
        turns.done(here)
    assert {name: came.count(name) for name in set(came)} == {"eager": 10, "slow": 10, "other": 10}


def test_a_page_that_leaves_while_it_waits_is_not_called(turns, drawn):
    came = drawn("a", "b", "c")
    turns.leave("b")
    turns.done("a")
    assert came == ["a", "c"]


def test_a_page_that_leaves_in_its_turn_holds_up_nobody(turns, drawn):
    came = drawn("gone", "b")
    turns.leave("gone")
    assert came == ["gone", "b"]


def test_a_page_may_ask_again_while_it_draws(turns, drawn):
    came = drawn("a", "a")
    turns.done("a")
    assert came == ["a", "a"]


def test_a_page_that_never_draws_is_passed_over(turns, drawn, clock):
    came = drawn("dead", "b")
    clock.now += LONGEST + 1
    turns.check()
    assert came == ["dead", "b"]
    turns.done("dead")  # late: the turn is another's
    drawn("c")
    assert came == ["dead", "b"]


def test_the_wait_tells_how_crowded_it_is(turns, drawn, clock):
    drawn("a")
    assert turns.wait() == 0.0
    for name in "bcdefghijk":
        drawn(name)
        clock.now += 0.5
        turns.done(drawn()[-1])
    assert 0.25 < turns.wait() <= 0.5
    assert turns.pause() > 1.0
    turns.done(drawn()[-1])
    clock.now += 2 * LONGEST
    assert turns.wait() == 0.0


def test_alone_nobody_waits(turns, drawn, clock):
    for _ in range(20):
        drawn("a")
        clock.now += 0.1
        turns.done("a")
    assert (turns.wait(), turns.pause()) == (0.0, 0.0)


def test_pages_are_idle_while_nobody_draws_or_computes(turns, drawn, clock):
    clock.now = 100.0
    drawn("a")
    clock.now += 3.0
    turns.done("a")
    assert turns.idle() == 3.0
    with turns.work(), turns.work():
        clock.now += 5.0
        assert turns.idle() == 0.0
    clock.now += 2.0
    assert turns.idle() == 2.0
