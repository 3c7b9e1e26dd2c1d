"""Pictures of labs: every kind is drawn by both libraries, and grows in place."""

import dataclasses
import json
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from bokeh.document import Document
from bokeh.models import Arrow, FixedTicker, ImageRGBA, Line, MultiLine, Scatter

import lab_cases
from landscape_core.experiments.lab_pictures import (
    Curves,
    Function,
    Histogram,
    Matrix,
    Paths,
    Violin,
)
from landscape_core.experiments.picture_attributes import KINDS
from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.marked_figure import MarkedFigure
from landscape_lab.figures.bokeh.marked_sides import Side
from landscape_lab.figures.lab_pictures import marks as m
from landscape_lab.figures.lab_pictures.reading import declared, kinds, panels, quartiles
from landscape_lab.figures.matplotlib.marked_axes import draw_panel
from landscape_lab.figures.matplotlib.plotting import plot

DATASET = lab_cases.dataset()
PICTURES = {picture["title"]: picture for picture in declared(DATASET)}


def drawn(panel):
    """A figure of a panel in a document, and what is sent to a browser from here on."""
    view, document, sent = MarkedFigure(panel), Document(), []
    document.add_root(view.figure)
    document.on_change(sent.append)
    return view, sent


def shown(view, glyph):
    """The visible renderers of a kind of glyph."""
    return [one for one in view.figure.renderers if isinstance(one.glyph, glyph) and one.visible]


def test_there_is_a_made_up_picture_of_every_kind():
    assert {picture["kind"] for picture in PICTURES.values()} == set(KINDS) == set(kinds())


@pytest.mark.parametrize("title", PICTURES)
def test_both_libraries_draw_every_kind(title):
    for panel in panels(DATASET, PICTURES[title]):
        view, _ = drawn(panel)
        Document.from_json(view.figure.document.to_json())  # a browser can be told of it
        assert view.figure.title.text == panel.title
        _, axes = plt.subplots()
        draw_panel(axes, panel)
        assert axes.get_title(loc="left") == panel.title
        plt.close()


@pytest.mark.parametrize("title", PICTURES)
@pytest.mark.parametrize("known", [0, 1, 3])
def test_a_picture_grows_in_place_and_what_is_known_already_is_not_sent_again(title, known):
    early = panels(lab_cases.dataset(known), PICTURES[title])
    for before, after in zip(early, panels(DATASET, PICTURES[title]), strict=True):
        view, sent = drawn(before)
        view.update(before)
        assert sent == []
        models = view.figure
        view.update(after)
        assert view.figure is models
        sent.clear()
        view.update(after)
        assert sent == []


def test_growing_curves_send_data_and_ends_alone():
    picture = PICTURES["Curves"]
    (before,), (after,) = (
        panels(lab_cases.dataset(known), picture) for known in (3, lab_cases.STEPS)
    )
    view, sent = drawn(before)
    view.update(after)
    assert sent
    assert {change.attr for change in sent} <= {"data", "start", "end"}


def test_a_legend_has_each_word_once_and_no_new_data_leads_to_it():
    (panel,) = panels(DATASET, PICTURES["Curves"])
    view, _ = drawn(panel)
    (legend,) = view.figure.legend
    words = [item.label.value for item in legend.items]
    assert words == ["warm-up", "SGD", "Adam", "slope −1", "level"]
    reached = {model.id for item in legend.items for model in item.references()}
    lines = [one for one in shown(view, Line) if len(one.data_source.data["x"]) > 1]
    assert len(lines) == 3
    assert not reached & {one.data_source.id for one in lines}


def test_a_symmetric_logarithm_names_values_at_their_places():
    line = m.Line(x=np.arange(3.0), y=np.array([-100.0, 0.0, 100.0]), color=theme.ACCENT)
    view, _ = drawn(m.Panel(title="", marks=[line], y_scale="symlog"))
    axis = view.figure.yaxis[0]
    assert isinstance(axis.ticker, FixedTicker)
    named = {word: place for place, word in axis.major_label_overrides.items()}
    assert {"0", "100", "−100"} <= set(named)
    (data,) = [one.data_source.data for one in shown(view, Line)]
    np.testing.assert_allclose(data["y"], [named["−100"], named["0"], named["100"]])


def test_cells_have_the_colours_of_the_landscape_and_unknown_ones_none():
    values = np.array([[0.0, 1.0], [np.nan, 0.5]])
    cells = m.Cells(x=np.arange(3.0), y=np.arange(3.0), values=values, label="v")
    view, _ = drawn(m.Panel(title="", marks=[cells]))
    ((image,),) = [one.data_source.data["image"] for one in shown(view, ImageRGBA)]
    pixels = image.view(np.uint8).reshape(2, 2, 4)
    first, last = (
        tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))
        for color in (theme.LANDSCAPE[0], theme.LANDSCAPE[-1])
    )
    assert tuple(pixels[0, 0]) == (*first, 255)
    assert tuple(pixels[0, 1]) == (*last, 255)
    assert pixels[1, 0, 3] == 0
    assert (view.figure.x_range.start, view.figure.x_range.end) == (0, 2)


def test_cells_of_several_sizes_keep_their_sizes():
    cells = m.Cells(x=np.array([0.0, 1.0, 4.0]), y=np.arange(2.0), values=np.array([[0.0, 1.0]]))
    view, _ = drawn(m.Panel(title="", marks=[cells]))
    ((image,),) = [one.data_source.data["image"] for one in shown(view, ImageRGBA)]
    assert (image[0] == image[0, 0]).mean() == pytest.approx(0.25)


def test_contours_lie_where_the_values_have_their_level():
    at = np.linspace(-1, 1, 41)
    values = np.broadcast_to(at, (41, 41))
    lines = m.Contours(x=at, y=at, values=values, levels=np.array([0.25]))
    view, _ = drawn(m.Panel(title="", marks=[lines]))
    (data,) = [one.data_source.data for one in shown(view, MultiLine)]
    np.testing.assert_allclose(np.concatenate(data["xs"]), 0.25, atol=1e-12)


def test_marks_that_are_left_out_are_hidden_and_come_back():
    line = m.Line(x=np.arange(3.0), y=np.arange(3.0), color=theme.ACCENT)
    dots = m.Dots(x=np.arange(3.0), y=np.arange(3.0), color=theme.ACCENT)
    both, one = m.Panel(title="", marks=[line, dots]), m.Panel(title="", marks=[line])
    view, _ = drawn(both)
    assert len(shown(view, Scatter)) == 1
    view.update(one)
    assert shown(view, Scatter) == []
    view.update(both)
    assert len(shown(view, Scatter)) == 1
    assert len(view.figure.renderers) == 2


def test_arrows_end_where_they_are_told_and_lie_within_the_picture():
    ends = {"x1": np.array([3.0, np.nan]), "y1": np.ones(2)}
    arrows = m.Arrows(x0=np.zeros(2), y0=np.zeros(2), **ends, color=["#112233"] * 2)
    view, _ = drawn(m.Panel(title="", marks=[arrows]))
    (found,) = view.figure.select(type=Arrow)
    assert found.source.data["x1"].tolist() == [3.0]
    assert found.source.data["color"] == ["#112233"]
    assert view.figure.x_range.end >= 3


def test_a_line_through_one_point_is_a_dot():
    line = m.Line(x=np.arange(3.0), y=np.array([1.0, np.nan, np.nan]), color=theme.ACCENT)
    view, _ = drawn(m.Panel(title="", marks=[line]))
    assert len(shown(view, Scatter)) == 1
    view.update(m.Panel(title="", marks=[dataclasses.replace(line, y=np.arange(3.0))]))
    assert shown(view, Scatter) == []


@pytest.mark.parametrize("frame", [0, 1])
def test_paths_that_move_along_another_dimension_are_those_of_the_frame(frame):
    ends = np.array([[0.0, 1.0], [0.0, 2.0]])
    dataset = xr.Dataset(
        {"x": (("epoch", "step"), ends), "y": (("epoch", "step"), 3 * ends)},
        {"epoch": [5, 9], "step": [0, 1]},
    )
    picture = Paths(title="Paths", x="x", y="y", along="step", frame="epoch").plain()
    (panel,) = panels(dataset, picture, frame=frame)
    line, *_ = (mark for mark in panel.marks if isinstance(mark, m.Line))
    assert line.y.tolist() == [0, 3 * (frame + 1)]


def test_the_last_entry_that_is_shown_is_the_last_one_of_the_variables_of_the_picture():
    """A guide that is known beforehand over the whole axis does not move the picture there."""
    found = np.full((4, 3), np.nan)
    found[:2] = [[1.0, 2, 3], [2, 3, 4]]
    dataset = xr.Dataset(
        {"output": (("step", "input"), found), "guide": ("step", np.ones(4))},
        {"step": np.arange(4), "input": np.arange(3.0)},
    )
    picture = Function(title="Output", x="input", y=("output",), frame="step").plain()
    (panel,) = panels(dataset, picture)
    assert panel.marks[0].y.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    "ends", [(0.05, 0.9), (0.2, 3.0), (1.0, 40.0), (1e-5, 0.3), (450.0, 2100.0)]
)
def test_a_logarithmic_axis_has_numbers_over_its_whole_length(ends):
    low, high = ends
    named = Side("log").named(low, high)
    places = np.log(list(named))
    gaps = np.diff([np.log(low), *places, np.log(high)])
    assert len(named) >= 3
    assert gaps.max() < 0.6 * np.log(high / low)
    assert all(float(word.replace("−", "-")) == pytest.approx(at) for at, word in named.items())


def test_a_group_without_values_has_no_density_and_the_other_keeps_its_own():
    values = np.stack([np.full(8, np.nan), np.linspace(-1.0, 1.0, 8)])
    dataset = xr.Dataset(
        {"v": (("which", "sample"), values), "d": ("place", [1.0, 1.0])},
        {"which": ["late", "known"], "place": [0.0, 1.0]},
    )
    picture = Histogram(
        title="H", value="v", sample="sample", by="which", density="d", density_x="place"
    )
    (panel,) = panels(dataset, picture.plain())
    late, known = (mark for mark in panel.marks if isinstance(mark, m.Area))
    assert (late.y == 0).all()
    assert np.trapezoid(known.y, known.x) == pytest.approx(1.0)


def test_lines_that_are_named_so_are_dashed():
    dataset = xr.Dataset(
        {"y": (("run", "x"), np.ones((2, 3)))}, {"run": ["below", "above"], "x": [0.0, 1.0, 2.0]}
    )
    picture = Curves(title="C", x="x", y=("y",), by="run", dashed=("above",)).plain()
    (panel,) = panels(dataset, picture)
    assert [(mark.label, mark.dashed) for mark in panel.marks] == [
        ("below", False),
        ("above", True),
    ]
    del picture["dashed"]  # as in an older file
    (panel,) = panels(dataset, picture)
    assert [mark.dashed for mark in panel.marks] == [False, False]


def test_rows_of_a_matrix_are_named_from_the_top():
    rows = 24
    dataset = xr.Dataset(
        {"v": (("row", "column"), np.arange(rows)[:, None] + np.zeros(3))},
        {"row": np.arange(rows), "column": np.arange(3)},
    )
    picture = Matrix(title="M", value="v", row="row", column="column", value_scale="linear")
    (panel,) = panels(dataset, picture.plain())
    (cells,) = panel.marks
    for place, name in panel.y_ticks.items():
        at = int(np.searchsorted(cells.y, place)) - 1
        assert cells.values[at, 0] == float(name)
    assert list(panel.y_ticks.values()) == ["0", "5", "10", "15", "20"]


@pytest.mark.parametrize("values", [[1.0, 1.0], [1.0, 1.0 + 2e-16], [-1e9, -1e9 * (1 + 4e-16)]])
@pytest.mark.parametrize("kind", [Histogram, Violin])
def test_values_that_are_equal_but_for_rounding_errors_have_a_histogram(values, kind):
    dataset = xr.Dataset({"v": (("x", "sample"), [values])}, {"x": [0]})
    more = {"x": "x"} if kind is Violin else {"by": "x"}
    picture = kind(title="H", value="v", sample="sample", **more)
    (panel,) = panels(dataset, picture.plain())
    area = next(mark for mark in panel.marks if isinstance(mark, m.Area))
    assert np.isfinite(area.x).all()
    assert np.isfinite(area.y).all()


@pytest.mark.parametrize("axes", [("seed", "x"), ("x", "seed")])
def test_quartiles_are_those_of_the_seeds_that_are_known(axes):
    rng = np.random.default_rng(0)
    for _ in range(100):
        values = rng.normal(size=(rng.integers(1, 9), rng.integers(1, 40)))
        values[rng.random(values.shape) < rng.choice([0.0, 0.2, 0.8])] = np.nan
        values[rng.random(values.shape) < 0.05] = np.inf
        values[len(values) - rng.integers(0, len(values)) :] = np.nan
        finite = np.isfinite(values).any(0)
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            wanted = np.nanquantile(values, (0.25, 0.5, 0.75), axis=0)
        wanted[:, ~finite] = np.nan
        column = xr.DataArray(values, dims=("seed", "x")).transpose(*axes)
        np.testing.assert_array_equal(quartiles(column), wanted)


def bars(scale="linear", least=1.0):
    """A panel of nine bars with long names."""
    height = np.linspace(least, 9, 9)
    marks = [m.Bars(x=np.arange(9.0), height=height, width=0.8, color=theme.ACCENT)]
    names = {float(at): f"a long name {at}" for at in range(9)}
    return m.Panel(title="Bars", marks=marks, y_scale=scale, x_ticks=names)


@pytest.mark.parametrize(("scale", "floor"), [("linear", 0.0), ("log", 0.5)])
def test_bars_stand_on_the_axis_unless_there_is_something_below(scale, floor):
    view = MarkedFigure(bars(scale))
    assert view.figure.y_range.start == floor
    assert MarkedFigure(bars(least=-1.0)).figure.y_range.start < -1


def test_names_that_are_turned_end_at_their_places_on_paper():
    _, axes = plt.subplots()
    draw_panel(axes, bars())
    for name in axes.get_xticklabels():
        assert name.get_rotation() > 0
        assert (name.get_ha(), name.get_rotation_mode()) == ("right", "anchor")
    plt.close()


def test_four_pictures_are_two_rows_of_two_on_paper():
    names = ("Curves", "Bars", "Strip", "Function")
    found = DATASET.assign_attrs(pictures=json.dumps([PICTURES[name] for name in names]))
    figure = plot(found).figure
    specs = [one.get_subplotspec() for one in figure.axes if one.get_title(loc="left") in names]
    assert [(one.rowspan.start, one.colspan.start) for one in specs] == [
        (0, 0), (0, 1), (1, 0), (1, 1),
    ]  # fmt: skip
    plt.close(figure)


def test_a_white_path_is_seen_in_the_legend_of_either_theme():
    path = m.Line(x=np.arange(2.0), y=np.arange(2.0), color=theme.PATH, label="path")
    view = MarkedFigure(m.Panel(title="Path", marks=[path]))
    sign = view.figure.legend[0].items[0].renderers[0].glyph
    assert sign.line_color == theme.INK  # which is light in a dark theme
