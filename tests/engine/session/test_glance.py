"""The network at a point of a paused run's picture, for a moment."""

import numpy as np
import pytest
import xarray as xr

from landscape_core.foundation.registry import from_plain
from landscape_core.session import side_results
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run


def test_a_glance_shows_what_a_click_does_and_leaves_the_picture(monkeypatch):
    run = from_plain(Run, {"problem": {"kind": "supervised", "dataset": "moons"}, "steps": 9})
    session = Session(run, SliceSpec(resolution=5))
    session.advance(4)
    before = session.picture()
    monkeypatch.setattr(side_results, "MOMENT", 60.0)  # also on a busy machine
    seen = session.glance(0.3, -0.2)
    monkeypatch.setattr(side_results, "MOMENT", 0.0)
    assert session.glance(0.3, -0.2) is None  # it would take too long
    clicked = session.inspect(0.3, -0.2)
    assert seen.point.values == pytest.approx(clicked.point.values)
    xr.testing.assert_identical(seen.boundary, clicked.boundary)
    assert not seen.boundary.equals(before.boundary)
    assert before.point is None


def test_a_glance_shows_the_network_there_and_a_run_that_goes_on_never_does(monkeypatch):
    run = from_plain(Run, {"problem": {"kind": "supervised", "dataset": "moons"}, "steps": 9})
    session = Session(run, SliceSpec(resolution=5))
    monkeypatch.setattr(side_results, "MOMENT", 60.0)  # also on a busy machine
    monkeypatch.setattr(side_results, "NETWORK_PAUSE", 60.0)  # what was read stays
    session.advance(4)
    session.picture()
    assert session.glance(0.3, -0.2).network is None  # nobody asks for it
    session.side_results.shows_network = True
    own = session.picture()
    seen = session.glance(0.3, -0.2)
    theta = session.state_at(0.3, -0.2).theta
    layout = session.live_run.training.instance.train.layout
    bias = layout.split(theta)["0.bias"]
    np.testing.assert_allclose(seen.network["bias"][0], bias[:12], rtol=1e-6)
    assert not seen.network.equals(own.network)
    xr.testing.assert_identical(session.inspect(0.3, -0.2).network, seen.network)
    after = next(session.play(1))
    assert not after.network.equals(seen.network)
