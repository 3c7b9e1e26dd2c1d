"""Undo and redo, and how the browser's Back finds them."""

from dataclasses import replace

from landscape_lab.state.form_model import assign
from landscape_lab.state.history import History
from landscape_lab.state.link import opening

RATE = "run.optimizer.learning_rate"


def test_each_change_is_an_entry_and_undo_takes_it_back():
    history, here = History(), opening("spirals")
    there = here.wanting(assign(here.scene, RATE, 0.5))
    history.add(here, RATE)
    assert history.entry == 1
    history.add(there, RATE)  # a slider that is dragged
    assert history.entry == 1
    assert history.undo(there) == here
    assert (history.entry, history.can_undo) == (0, False)
    assert history.undo(here) is None
    assert history.entry == 0
    assert history.redo(here) == there
    assert history.entry == 1


def test_a_link_to_the_place_before_is_an_undo_at_whichever_step():
    history, here = History(), opening("spirals")
    there = here.wanting(assign(here.scene, RATE, 0.5))
    assert not history.undoes(here.link())
    history.add(here, RATE)
    assert history.undoes(replace(here, step=17, strategy="x").link())
    assert not history.undoes(there.link())
    assert not history.redoes(there.link())
    history.undo(there)
    assert history.redoes(there.link())
