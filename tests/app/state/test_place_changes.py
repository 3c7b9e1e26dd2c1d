"""Places that controls lead to: pure functions, without a page."""

from dataclasses import replace

from landscape_lab.state.form_model import assign
from landscape_lab.state.link import opening, place
from landscape_lab.state.place import Change, Origin
from landscape_lab.state.place_changes import (
    at_preset,
    in_history,
    reached,
    refusal,
    restarted,
    started_at,
    with_kept,
    with_settings,
    without_kept,
    work_of,
)

RATE = "run.optimizer.learning_rate"


def here():
    return replace(opening("spirals"), step=12)


def faster(there):
    return assign(there.scene, RATE, 0.5)


def test_a_setting_is_changed_at_the_present_step():
    there, travels = with_settings(here(), faster(here()), playing=False)
    assert there.changes == (Change(12, RATE, 0.5),)
    assert not travels


def test_a_setting_that_is_changed_while_looking_back_is_changed_there():
    there, travels = with_settings(replace(here(), seen=5), faster(here()), playing=False)
    assert (there.step, there.seen, there.changes) == (5, None, (Change(5, RATE, 0.5),))
    assert travels


def test_a_view_that_is_changed_while_looking_back_leaves_the_step_that_is_looked_at():
    wider = assign(here().scene, "slice.span", 2.0)
    there, travels = with_settings(replace(here(), seen=5), wider, playing=False)
    assert (there.step, there.seen, there.changes) == (12, 5, ())
    assert not travels


def test_beside_kept_runs_a_setting_starts_a_run_that_is_as_long_as_they_are():
    kept = replace(with_kept(here()), step=3)
    there, travels = with_settings(kept, faster(kept), playing=False)
    assert (there.step, there.changes, there.start) == (12, (), faster(kept))
    assert travels
    playing, travels = with_settings(kept, faster(kept), playing=True)
    assert playing.changes == (Change(3, RATE, 0.5),)
    assert not travels


def test_a_restart_takes_the_settings_of_now_to_the_start():
    there = restarted(with_settings(here(), faster(here()), playing=False)[0])
    assert (there.step, there.changes, there.start) == (0, (), faster(here()))


def test_a_run_that_starts_at_a_point_keeps_where_the_picture_was():
    kept = with_kept(here())
    assert started_at(kept, 0.5, -1.0).origin == Origin(here(), 0.5, -1.0)


def test_without_kept_runs_there_is_nothing_to_compare():
    compared = with_kept(here())
    compared = compared.wanting(assign(compared.scene, "display.show", "compare"))
    assert (without_kept(compared).kept, without_kept(compared).scene.display.show) == ((), "2d")
    assert at_preset(compared, "").kept == compared.kept
    assert at_preset(compared, "").scene.display.show == "compare"


def test_undoing_a_change_of_the_view_does_not_take_steps_back():
    before, after = here(), replace(here(), step=20)
    after = after.wanting(assign(after.scene, "slice.span", 2.0))
    assert in_history(after, before).step == 20
    changed = after.wanting(faster(after))
    assert in_history(changed, before).step == 12


def test_settings_that_were_chosen_meanwhile_stay_when_the_worker_reports_its_place():
    wanted = here().wanting(assign(here().scene, "slice.span", 2.0))
    found = reached(wanted, replace(here(), step=14), ())
    assert (found.step, found.scene) == (14, wanted.scene)
    assert reached(wanted, here(), (here(),)).kept == (here(),)


def test_only_settings_that_change_numbers_are_work():
    scene = here().scene
    drawn = assign(assign(scene, "display.scale", "linear"), "display.color", "accuracy")
    assert work_of(drawn) == work_of(scene)
    assert work_of(assign(scene, "display.side_panel", "curvature")) != work_of(scene)
    close, other = (assign(one, "slice.tolerance", 0.01) for one in (scene, drawn))
    assert work_of(close) != work_of(other)


def test_a_place_is_refused_only_where_its_link_could_not_be_read(monkeypatch):
    assert refusal(here()) == ""
    assert place(here().link()) == here()
    monkeypatch.setattr("landscape_lab.state.link.MOST_WORDS", 1)
    assert refusal(here()).startswith("This would make a link that cannot be opened")
