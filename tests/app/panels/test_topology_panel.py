"""The panel of barcode, merge tree and profile: what is drawn is what the engine found."""

import io
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from bokeh.models import Label
from matplotlib.figure import Figure

from figure_cases import sent, slice_of
from landscape_core.analysis.persistence import persistence
from landscape_core.analysis.topological_profile import topological_profile
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import to_plain
from landscape_core.foundation.registry import from_plain
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run
from landscape_lab.figures.bokeh.topology import NOTHING
from landscape_lab.figures.bokeh.topology import Topology as Drawn
from landscape_lab.figures.matplotlib.barcode import barcode_on
from landscape_lab.figures.matplotlib.base import kinds
from landscape_lab.figures.matplotlib.merge_tree import merge_tree_on
from landscape_lab.figures.matplotlib.plotting import drawing_of, plot
from landscape_lab.figures.matplotlib.topological_profile import profile_on
from landscape_lab.figures.topology import MOST, bars, curve, scale_for, summary, tree_lines
from landscape_lab.figures.topology_drawings import DRAWINGS
from landscape_lab.panels.topology import Topology
from landscape_lab.state.scene import Display


def himmelblau(alpha, beta):
    x, y = 3 * alpha, 6 * (beta - 0.5) / 2.5
    return 0.02 + (x**2 + y - 3) ** 2 + (x + y**2 - 3) ** 2


def found(**attrs):
    """A slice with four minima, all of it computed, its barcode and its profile."""
    slice_ = slice_of(himmelblau)
    slice_["computed"][:] = True
    slice_ = slice_.assign_attrs(attrs)
    return slice_, persistence(slice_), topological_profile(slice_)


def noisy():
    slice_ = found()[0]
    rng = np.random.default_rng(0)
    slice_["loss"] = slice_["loss"] + 30 * rng.random(slice_["loss"].shape)
    return slice_


def test_the_barcode_has_a_line_from_the_birth_to_the_death_of_every_minimum():
    view, (_, barcode, _) = Drawn(), found()
    view.update(barcode, None, "barcode", "linear")
    lines = dict(
        zip([xs[0] for xs in view.lines["solid"].data["xs"]], view.lines["solid"].data["xs"],
            strict=True)
    )  # fmt: skip
    assert len(lines) == barcode.sizes["bar"] == 4
    for birth, death in zip(barcode["birth"].values, barcode["death"].values, strict=True):
        end = lines[birth][1]
        assert end == (death if np.isfinite(death) else view.figure.x_range.end)
    assert not len(view.lines["dotted"].data["xs"])
    assert view.figure.title.text == "4 minima"


def test_minima_within_the_error_are_drawn_dotted_and_counted():
    error = float(found()[1]["persistence"][1:].min()) / 2 / 1.96 * 1.01
    _, barcode, _ = found(standard_error=error)
    view = Drawn()
    view.update(barcode, None, "barcode", "log")
    kept = int(barcode["significant"].sum())
    assert 0 < kept < 4
    assert len(view.lines["solid"].data["xs"]) == kept
    assert len(view.lines["dotted"].data["xs"]) == 4 - kept
    assert f"{kept} longer than twice the error\nerror: sampling" in view.figure.title.text


def test_the_merge_tree_joins_each_minimum_to_a_lower_one_at_its_saddle():
    _, barcode, _ = found()
    drawn = bars(barcode, "linear")
    lines = tree_lines(drawn)
    order = dict(zip(drawn.birth, drawn.order, strict=True))
    assert sorted(order.values()) == [0, 1, 2, 3]
    for line, ends in zip(lines, drawn.endless, strict=True):
        (x, birth), (top_x, death), (over, _) = line
        assert x == top_x
        if not ends:
            row = int(np.flatnonzero(barcode["birth"].values == birth)[0])
            lower = float(barcode["birth"][int(barcode["parent"][row])])
            assert over == order[lower]
            assert death == float(barcode["death"][row])


def test_lines_of_a_merge_tree_do_not_cross():
    drawn = bars(persistence(noisy()), "linear")
    for row in range(len(drawn.birth)):
        if drawn.endless[row]:
            continue
        low, high = sorted((drawn.order[row], drawn.joins[row]))
        between = (drawn.order > low) & (drawn.order < high)
        crossed = between & (drawn.birth < drawn.death[row]) & (drawn.death > drawn.death[row])
        assert not crossed.any()


def test_of_many_bars_the_longest_are_drawn_with_the_minima_that_they_join():
    barcode = persistence(noisy())
    drawn = bars(barcode, "linear")
    assert barcode.sizes["bar"] > MOST == len(drawn.birth)
    shortest = np.sort(barcode["persistence"].values)[-MOST]
    assert np.all((drawn.death - drawn.birth)[~drawn.endless] >= shortest)
    assert summary(barcode)[-1] == f"the {MOST} longest are drawn"


def test_a_thinned_profile_keeps_its_lowest_and_highest_points():
    profile = topological_profile(noisy())
    position, height = curve(profile, "linear", most=200)
    assert len(height) <= 200
    assert (height.min(), height.max()) == (profile["loss"].min(), profile["loss"].max())
    assert np.all(np.diff(position) >= 0)


def test_losses_of_zero_and_less_are_drawn_on_a_linear_scale():
    slice_ = found()[0]
    barcode = persistence(slice_.assign(loss=slice_["loss"] - 1))
    assert scale_for(barcode["birth"].values, "log") == "linear"
    assert scale_for(found()[1]["birth"].values, "log") == "log"


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("drawing", DRAWINGS)
def test_the_same_topology_is_not_sent_twice(drawing, scale):
    view = Drawn()
    view.update(found()[1], found()[2], drawing, scale)
    _, barcode, profile = found()
    assert sent(view, lambda: view.update(barcode, profile, drawing, scale)) == ([], 0)


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_without_finite_losses_the_panel_says_so(drawing):
    slice_ = slice_of(lambda alpha, beta: alpha * np.nan)
    view = Drawn()
    view.update(persistence(slice_), topological_profile(slice_), drawing, "log")
    assert view.figure.select_one(Label).text == NOTHING


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_a_session_draws_its_topology_and_computes_it_once_for_a_slice(drawing):
    session = Session(from_plain(Run, {"steps": 2}), SliceSpec(resolution=11))
    session.advance(2)
    picture = session.picture()
    panel, view = Topology(drawing=drawing), Topology().view()
    panel.draw(view, picture, "log")
    barcode = persistence(picture.slice)
    assert view.figure.title.text.startswith(f"{barcode.sizes['bar']} minim")
    count = sum(len(source.data["x"]) for source in view.minima.values())
    assert count == min(MOST, barcode.sizes["bar"])
    view.figure.title.text = "not drawn again"
    panel.draw(view, picture, "log")
    assert view.figure.title.text == "not drawn again"
    panel.draw(view, replace(picture, slice=picture.slice.copy()), "log")
    assert view.figure.title.text != "not drawn again"


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_the_panel_is_part_of_the_recipe_of_a_page(drawing):
    display = Display(side_panel=Topology(drawing=drawing))
    assert from_plain(Display, to_plain(display)) == display


def test_an_unknown_drawing_is_refused():
    with pytest.raises(SpecError, match="barcode"):
        Topology(drawing="cake")


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_all_three_are_drawn_on_paper(form, scale):
    _, barcode, profile = found(standard_error=0.5)
    paper = Figure(layout="constrained")
    left, middle, right = paper.subplots(1, 3)
    barcode_on(left, barcode, scale)
    merge_tree_on(middle, barcode, scale)
    profile_on(right, profile, barcode, scale)
    content = io.BytesIO()
    paper.savefig(content, format=form)
    assert len(content.getvalue()) > 5000
    drawn = [len(lines.get_segments()) for lines in left.collections]
    assert sum(drawn) == barcode.sizes["bar"]
    assert left.get_xlabel() == middle.get_ylabel() == right.get_ylabel() == "loss"


def test_loops_are_drawn_on_paper_as_well():
    paper = Figure()
    loops = persistence(found()[0], dimension=1)
    axes = paper.subplots()
    barcode_on(axes, loops)
    assert axes.get_title("left") == f"{loops.sizes['bar']} loop" + "s" * (loops.sizes["bar"] != 1)
    assert isinstance(loops, xr.Dataset)


@pytest.mark.parametrize("kind", ["barcode", "merge_tree", "topological_profile"])
def test_each_kind_of_picture_is_drawn_of_a_slice_when_it_is_asked_for(kind):
    slice_ = found(standard_error=0.5)[0]
    axes = plot(slice_, kind, scale="log", split="test")
    expected = summary(persistence(slice_, "test"))
    assert axes.get_title("left") == "\n".join(expected)
    low, high = (axes.get_xlim if kind == "barcode" else axes.get_ylim)()
    assert low < np.log10(float(slice_["loss"].sel(split="test").min())) < high
    axes = plot(slice_, kind, limits=(-3, 40))
    assert (axes.get_xlim if kind == "barcode" else axes.get_ylim)() == (-3, 40)
    assert kinds()[kind].rank > kinds()["slice"].rank


def test_barcodes_and_profiles_are_drawn_as_they_are():
    _, barcode, profile = found()
    assert drawing_of(barcode)[1] is kinds()["barcode"]
    assert drawing_of(profile)[1] is kinds()["topological_profile"]
    assert not kinds()["merge_tree"].draws(persistence(found()[0], dimension=1))
    assert plot(barcode, "merge_tree").get_title("left") == "4 minima"
    assert plot(profile).get_title("left") == ""
