"""A comparison that is not there yet is pale, and the page says what it is doing."""

from dataclasses import replace

import pytest

from landscape_lab.page.comparison import missing
from landscape_lab.page.staleness import Staleness, staleness
from landscape_lab.state.form_model import assign
from landscape_lab.state.link import opening
from landscape_lab.state.place_changes import with_kept
from landscape_lab.worker.update import Kept, Update


def looking(show, comparison="side"):
    here = with_kept(opening("spirals"))
    scene = assign(assign(here.scene, "display.show", show), "display.comparison", comparison)
    return here.wanting(scene)


@pytest.mark.parametrize(
    ("shown", "wanted", "words"),
    [
        (("2d",), ("compare",), "one run"),
        (("compare",), ("3d",), "the comparison (side by side)"),
        (("compare",), ("compare", "together"), "the comparison (side by side)"),
        (("compare", "together"), ("compare", "own"), "the comparison (on one plane)"),
    ],
)
def test_another_comparison_is_computed_while_the_old_one_is_pale(shown, wanted, words):
    found = staleness(looking(*shown), looking(*wanted), computing=True)
    assert found == Staleness(landscape=True, words=f"Computing … This picture shows {words}")


def test_how_runs_are_compared_makes_no_other_picture_pale():
    assert staleness(looking("2d"), looking("2d", "together"), computing=True) == Staleness()
    assert staleness(looking("2d"), looking("3d"), computing=True) == Staleness()


def test_a_plane_of_all_paths_and_kept_runs_are_missing_until_they_are_there():
    here = looking("compare", "together")
    kept = (Kept(here.kept[0], None, None, None),)
    trained = Update(None, here, kept=kept)
    assert missing(Update(None, here), here) == "The kept runs are trained anew"
    assert missing(trained, here) == "The paths are put on one plane"
    assert missing(replace(trained, problem="other networks"), here) == ""
    assert missing(replace(trained, together=object()), here) == ""
    assert missing(trained, looking("compare")) == ""
    assert missing(trained, looking("2d", "together")) == ""


def test_what_is_missing_is_said_where_all_settings_are_obeyed():
    here = looking("compare", "together")
    found = staleness(here, here, computing=True, missing="The paths are put on one plane")
    assert found == Staleness(landscape=True, words="Computing … The paths are put on one plane")
