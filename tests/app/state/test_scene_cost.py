"""What no page could bear is refused before any of it is computed."""

from dataclasses import replace

import pytest

from landscape_core.foundation.errors import SpecError
from landscape_core.session.session import Session
from landscape_lab.state import scene_cost
from landscape_lab.state.link import opening, place
from landscape_lab.state.place import Origin
from landscape_lab.state.preset import presets
from landscape_lab.state.scene_cost import check_place, memory
from landscape_lab.worker.worker import Job, Worker

NETWORK = "run.problem.architecture"
WIDE = f"preset=spirals&{NETWORK}.width=4096&{NETWORK}.depth=20"


@pytest.fixture(autouse=True)
def free(monkeypatch):
    monkeypatch.setattr(scene_cost, "free_memory", lambda _: 10**10)


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_borne(name):
    check_place(opening(name))


@pytest.mark.parametrize(
    ("link", "named"),
    [
        (WIDE, "MLP.depth must be at most"),
        (
            f"{NETWORK}.width=2000&{NETWORK}.depth=4&display.side_panel=curvature",
            "for picture and side panel",
        ),
        (
            "display.side_panel=diagnostics&display.side_panel.diagnostic=tangent_kernel"
            "&display.side_panel.diagnostic.max_examples=2000&run.problem.dataset=digits",
            "TangentKernel.max_examples must be at most",
        ),
        (
            f"run.problem.dataset.points=20000&{NETWORK}.width=3000&{NETWORK}.depth=5",
            "a training step or an evaluation takes .* operations, and a page bears 1 trillion",
        ),
        ("slice.horizon=10001", "SliceSpec.horizon must be at most 10000 on a page"),
    ],
)
def test_products_of_allowed_values_are_refused_with_figures(link, named):
    with pytest.raises(SpecError, match=named):
        check_place(place(link))


def test_runs_that_it_comes_from_or_is_compared_with_count():
    wide, small = place(WIDE), opening("spirals")
    for there in (replace(small, kept=(wide,)), replace(small, origin=Origin(wide, 0.0, 0.0))):
        with pytest.raises(SpecError, match="at most"):
            check_place(there)


def test_a_grid_counts():
    coarse, fine = (place(f"slice.resolution={n}").scene for n in (51, 501))
    assert memory(fine) - memory(coarse) == scene_cost.VALUES * (501**2 - 51**2)


def test_the_worker_refuses_it_before_anything_is_built(monkeypatch):
    monkeypatch.setattr(Session, "__init__", lambda *_: pytest.fail("it was built"))
    there = place(WIDE)
    with pytest.raises(SpecError, match=r"MLP\.depth must be"):
        next(Worker(None).do(Job(there.scene, go=there)))


@pytest.mark.parametrize(
    ("panel", "more"),
    [
        ("side_panel=connection", "path=nudged&display.side_panel.path.pivots=1000"),
        ("side_panel=runs", "count=8"),
        ("side_panel=diagnostics", "diagnostic=tangent_kernel"),
    ],
)
def test_side_panels_cost_what_they_hold(panel, more):
    plain = memory(place("").scene)
    little, much = (
        memory(place(f"display.{link}").scene)
        for link in (panel, f"{panel}&display.side_panel.{more}")
    )
    assert plain < little < much
