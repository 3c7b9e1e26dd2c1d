"""The frame of a network: what the browser unpacks is what the engine has read."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from figure_cases import path_to, slice_of, valley
from landscape_core.foundation.registry import from_plain
from landscape_core.models.weight_change import WeightChange
from landscape_core.session.picture import Point
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run
from landscape_lab.components.network.network import NetworkStage
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures.network import BROKEN, MIDDLE, NetworkFigure, colors, quantized
from landscape_lab.panels.boundary import Boundary
from landscape_lab.panels.network import Network

DIGITS = {"kind": "digits", "points": 100}
PROBLEMS = {
    "plane": {"kind": "supervised", "dataset": {"kind": "moons", "points": 40}},
    "curves": {
        "kind": "supervised", "dataset": {"kind": "regression_1d", "points": 30},
        "loss": "squared_error",
    },
    "weights": {"kind": "supervised", "dataset": DIGITS},
    "filters": {
        "kind": "supervised", "dataset": DIGITS | {"shape": "images"},
        "architecture": {"kind": "convnet", "depth": 1, "channels": 3},
    },
    "graph": {"kind": "node_classification", "nodes": 40, "p_in": 0.3, "width": 4},
    "players": {"kind": "bilinear_game"},
    "parameters": {"kind": "valley"},
    "nothing": {"kind": "streaming_pca", "dimensions": 40, "points": 50},
}  # fmt: skip
HEADER = 14
"""Numbers before the heights in a frame of the surface."""

MIXED = ("plane", "curves")
"""Kinds of which the boundary can be drawn."""


def unpacked(frame):
    """The header of a frame, and the bytes after it."""
    (length,) = struct.unpack_from("<I", frame)
    return json.loads(frame[4 : 4 + length]), np.frombuffer(frame[4 + length :], np.uint8)


@pytest.fixture(scope="module")
def pictures():
    """A picture of each kind of problem, and its session."""
    found = {}
    for kind, problem in PROBLEMS.items():
        optimizer = "sgda" if kind == "players" else "sgd"
        plain = {"problem": problem, "optimizer": optimizer, "steps": 3, "batch_size": 10}
        session = Session(from_plain(Run, plain), SliceSpec(resolution=5))
        drawable = session.side_results.points is not None
        session.side_results.shows_network = Network().shows_network(drawable=drawable)
        session.advance(1)
        found[kind] = session, session.picture()
    return found


@pytest.mark.parametrize("kind", PROBLEMS)
def test_each_kind_of_problem_has_a_frame_with_a_title_or_a_sentence(pictures, kind):
    session, picture = pictures[kind]
    view = Network().view()
    Network().draw(view, picture, "linear")
    header, _ = unpacked(view.frame)
    assert header["kind"] == kind
    assert header["title"] or header["notes"][0].endswith(".")
    instead = Boundary().drawn_for(picture)
    assert isinstance(instead, Boundary if kind in MIXED else Network)
    assert Boundary().shows_network(drawable=kind in MIXED) == (kind not in MIXED)
    assert ("output" in header) == (kind in MIXED)
    assert session.side_results.shows_network


@pytest.mark.parametrize("kind", ["plane", "curves"])
def test_thumbnails_are_the_activations_in_their_range(pictures, kind):
    _, picture = pictures[kind]
    view = NetworkFigure()
    Network().draw(view, picture, "linear")
    header, data = unpacked(view.frame)
    size, at = int(np.prod(header["size"])), 0
    for number, layer in enumerate(header["layers"]):
        shown = picture.network["activation"].values[number, : layer["shown"]].reshape(-1, size)
        ours = data[at : at + shown.size].reshape(shown.shape)
        at += shown.size
        back = (ours.astype(float) - MIDDLE) / MIDDLE * layer["limit"]
        np.testing.assert_allclose(back, shown, atol=0.51 * layer["limit"] / MIDDLE)
        assert layer["limit"] == pytest.approx(np.abs(shown).max(), rel=1e-5)
        weights = picture.network["weight"].values[number, : layer["shown"]]
        for ours_, theirs in zip(layer["weight"], weights, strict=True):
            known = [value for value in ours_ if value is not None]
            np.testing.assert_allclose(known, theirs[np.isfinite(theirs)], rtol=1e-5)
    rest = int(np.prod(header["output"].get("size", [0])))
    assert len(data) == at + rest


def test_images_follow_the_header_to_the_last_byte(pictures):
    for kind in ("weights", "filters"):
        view = NetworkFigure()
        Network().draw(view, pictures[kind][1], "linear")
        header, data = unpacked(view.frame)
        parts = [header["shape"], header.get("maps", [0]), header.get("input", [0])]
        sizes = [int(np.prod(one)) for one in (*parts, header["misread"]["shape"])]
        assert sum(sizes) == len(data)
        found = pictures[kind][1].network
        pattern = data[: sizes[0]].reshape(header["shape"])
        darkest = np.unravel_index(found["pattern"].values.argmin(), header["shape"])
        assert pattern[darkest] == pattern.min()
        assert len(header["misread"]["label"]) == found.sizes["example"]


def test_what_is_not_finite_has_an_index_of_its_own_and_zero_the_middle_one():
    values = np.array([-2.0, 0.0, 2.0, np.nan, np.inf, 5.0])
    assert quantized(values, 2.0).tolist() == [0, MIDDLE, 254, BROKEN, BROKEN, 254]
    assert len(colors()) == BROKEN + 1


def test_the_same_network_is_sent_once_and_a_browser_that_comes_has_the_last(pictures):
    _, picture = pictures["plane"]
    figure, sent = NetworkFigure(), []
    figure.sent = sent.append
    for _ in range(2):
        Network().draw(figure, picture, "linear")
    assert len(sent) == 1
    stage = NetworkStage(figure)
    stage.view._send_msg = sent.append
    stage.view.on_message({"action": "ready"})
    assert sent == [figure.frame, figure.frame]


def test_the_browser_sets_a_weight_and_takes_it_back():
    heard = []
    stage = NetworkStage(NetworkFigure(), heard.append)
    stage.view.on_message({"action": "set", "tensor": "0.weight", "index": [3, 1], "value": 0.5})
    stage.view.on_message({"action": "undo"})
    assert heard == [WeightChange("0.weight", (3, 1), 0.5), None]


def test_a_weight_set_by_hand_is_named_with_its_distance_from_the_plane(pictures):
    session, _ = pictures["plane"]
    change = WeightChange("0.bias", (2,), 1.25)
    picture = session.inspect(None, None, [change])
    view = NetworkFigure()
    Network().draw(view, picture, "linear")
    header, _ = unpacked(view.frame)
    assert header["set"] == ["0.bias[2]"]
    assert header["layers"][0]["bias"][2] == 1.25
    assert header["where"].startswith("1 value set by hand, ")
    assert header["where"].endswith(" off the plane")
    session.picture()


def test_notes_say_what_is_left_out():
    plain = {
        "problem": PROBLEMS["plane"] | {"architecture": {"kind": "mlp", "depth": 8, "width": 20}},
        "steps": 3,
    }
    session = Session(from_plain(Run, plain), SliceSpec(resolution=5))
    session.side_results.shows_network = True
    view = NetworkFigure()
    Network().draw(view, session.picture(), "linear")
    header, _ = unpacked(view.frame)
    assert header["title"] == "2 – 20 – 20 – 20 – 20 – 20 – … – 2 · relu"
    assert header["notes"] == ["6 of 9 layers", "first 12 units of a layer"]
    # Where it is shown for a moment, that is said in their place: nothing moves.
    seen = replace(session.inspect(0.5, 0.5), point=Point(0.5, 0.5, {}, passing=True))
    Network().draw(view, seen, "linear")
    header, _ = unpacked(view.frame)
    assert (header["notes"], header["where"]) == ([], "at the point looked at")


def test_in_three_dimensions_a_network_off_the_plane_stands_at_its_own_loss():
    surface, path = Surface(), path_to(1, 1)
    for point, height in [((0.25, -1.5), np.nan), ((0.25, -1.5, 100.0), 2.0)]:
        surface.update(slice_of(valley), path, point=point, scale="log")
        found = np.frombuffer(surface.frame, dtype="<f4")
        rows, columns, steps = found[:3].astype(int)
        spot = found[HEADER + rows * columns + 3 * steps + 3 :][:3]
        np.testing.assert_allclose(spot, [0.25, -1.5, height], rtol=1e-6)
