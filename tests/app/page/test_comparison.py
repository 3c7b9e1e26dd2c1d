"""Runs beside each other: one scale, what differs in words, differences, figures."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from figure_cases import N, curves_of, path_to, sent, slice_of, valley
from landscape_core.analysis.slice_metrics import slice_metrics
from landscape_lab.components.surface.surfaces import Surfaces
from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.comparison import Compared, Comparison, color_of
from landscape_lab.figures.bokeh.overlaid import APART, Overlaid
from landscape_lab.figures.bokeh.panels import DIFFERENCES, difference
from landscape_lab.figures.color_schemes import css
from landscape_lab.figures.pixels import SHADES
from landscape_lab.page.compared_view import ComparedView
from landscape_lab.state.scene import Display

WORDS = "learning rate 1.0, batch size 8 <all>"


def compared(name, height=valley, *, ends=((-1.0, 1.0), (-2.0, 3.0)), n=N, seen=200):
    slice_ = slice_of(height, n=n, ends=ends)
    return Compared(
        name, WORDS, slice_, path_to(1, 1), seen, curves_of(67), "train", slice_metrics(slice_)
    )


def higher(alpha, beta):
    return 3 * valley(alpha, beta)


def test_all_panels_have_one_range_of_colours_and_say_what_differs():
    view = Comparison()
    runs = [compared("A"), compared("B", higher)]
    view.update(runs, "side", "linear")
    assert [panel.figure.visible for panel in view.panels] == [True, True, False, False]
    every = np.concatenate([run.slice["loss"].sel(split="train").values.ravel() for run in runs])
    low, high = theme.limits(every)
    for panel, run in zip(view.panels, runs, strict=False):
        loss = run.slice["loss"].sel(split="train").values
        shades = panel.image.data["shades"][0]
        times = (len(shades) - 1) // (N - 1)
        wanted = np.floor(np.clip((loss - low) / (high - low) * SHADES, 0, SHADES - 1))
        assert np.abs(shades[::times, ::times].astype(int) - wanted).max() <= 1
        assert f">{run.name}</b> learning rate 1.0, batch size 8 &lt;all&gt;" in panel.title.text
        np.testing.assert_allclose(panel.image.data["values"][0], loss, rtol=1e-6)
    assert view.bar.text.count("linear-gradient") == 1


def test_a_difference_is_exact_on_equal_grids_and_centred_on_zero():
    view = Comparison()
    view.update([compared("A"), compared("B", higher)], "difference", "linear")
    own, other = view.panels[:2]
    loss = slice_of(valley)["loss"].values[0]
    np.testing.assert_allclose(own.image.data["values"][0], loss, rtol=1e-6)
    np.testing.assert_allclose(other.image.data["values"][0], 2 * loss, rtol=1e-5)
    assert "B − A" in other.title.text
    assert view.bar.text.count("linear-gradient") == 2
    (mapper,) = {
        one.glyph.color_mapper
        for one in other.plot.renderers
        if getattr(one.glyph, "image", None) == "shades"
    }
    assert tuple(mapper.palette) == DIFFERENCES
    view.update([compared("A"), compared("B")], "difference", "log")
    # Equal everywhere is the middle of the scale.
    assert set(np.unique(other.image.data["shades"][0])) == {SHADES // 2}


def test_a_difference_is_linear_between_points_and_unknown_beside_them():
    def plane(alpha, beta):
        return 5 + alpha - 2 * beta

    first = slice_of(valley)["loss"].sel(split="train")
    other = slice_of(plane, n=11, ends=((-0.5, 1.0), (-2.0, 4.0)))["loss"].sel(split="train")
    found = difference(other, first)
    alpha, beta = np.meshgrid(first["alpha"], first["beta"])
    known = alpha >= -0.5
    wanted = plane(alpha, beta) - first.values
    np.testing.assert_allclose(found.values[known], wanted[known], rtol=1e-9, atol=1e-9)
    assert np.isnan(found.values[~known]).all()
    broken = other.copy(data=np.where(other["alpha"].values > 0.9, np.inf, other.values))
    assert np.isnan(difference(broken, first).values[:, -1]).all()


def test_the_table_tells_the_figures_of_each_landscape():
    view = Comparison()
    runs = [compared("A"), compared("B", higher, seen=100)]
    view.update(runs)
    text = view.table.text
    for number, run in enumerate(runs):
        assert f'{css(color_of(number))}">{run.name}</th>' in text.replace("'", '"')
        assert f">{float(run.figures['lowest']):.3g}</td>" in text
        assert f">{float(run.figures['variation_excess']):.1%}</td>" in text
        assert f">{run.seen}</td>" in text
    loss = curves_of(67)["loss"].sel(split="train", step=99)
    assert f">{float(loss):.3g}</td>" in text


def test_two_runs_have_one_row_three_leave_a_blank_and_curves_overlie():
    view = Comparison()
    first, second = view.figure.children[0].children
    for count in (1, 2, 3, 4):
        view.update([compared(name) for name in "ABCD"[:count]])
        assert [panel.figure.visible for panel in view.panels] == [i < count for i in range(4)]
        assert first.visible
        assert second.visible == (count > 2)
        assert [cell.visible for cell in second.children] == [count > 2, count > 3, count == 3]
        assert view.curves.ends.data["text"] == list("ABCD"[:count])
        assert len(view.curves.lines.data["xs"]) == 2 * count


def test_each_picture_has_lines_of_its_own_range_and_its_own_colours_where_asked():
    view = Comparison()
    runs = [compared("A"), compared("B", lambda a, b: 100 + valley(a, b) / 9)]
    view.update(runs, "side", "linear")
    # In the range of both, the second is all of one colour: its lines are there all the same.
    assert np.isfinite(view.panels[1].lines.data["x_high"]).any()
    shades = view.panels[1].image.data["shades"][0]
    assert np.ptp(shades.astype(int)) < SHADES / 10
    view.update(runs, "own", "linear")
    shades = view.panels[1].image.data["shades"][0]
    assert np.ptp(shades.astype(int)) > SHADES / 2
    loss = runs[1].slice["loss"].sel(split="train").values
    low, high = theme.words(np.array(theme.limits(loss)), "linear")
    assert f"(training loss {low} to {high})" in view.panels[1].title.text
    assert "highest of each picture" in view.bar.text


def test_networks_of_other_sizes_are_not_subtracted():
    view = Comparison()
    runs = [compared("A"), compared("B", higher), compared("C", higher)]
    runs = [replace(run, parameters=10 if run.name == "C" else 1000) for run in runs]
    view.update(runs, "difference", "linear")
    assert np.isfinite(view.panels[1].image.data["values"][0]).all()
    assert np.isnan(view.panels[2].image.data["values"][0]).all()
    assert "not subtracted: 10 parameters, A has 1,000" in view.panels[2].title.text
    assert "not subtracted" not in view.panels[1].title.text
    assert "equal coordinates" in view.bar.text
    view.update(runs, "side", "linear")
    assert "equal coordinates" not in view.bar.text
    assert np.isfinite(view.panels[2].image.data["values"][0]).all()


def test_letters_at_the_ends_of_curves_are_apart_and_in_order():
    view, heights = Overlaid(), [0.10, 0.5, 0.101, 0.9]
    view.update([(ending_at(height), 1) for height in heights], dict.fromkeys("ABCD", "#123456"))
    low, high = np.log10([view.figure.y_range.start, view.figure.y_range.end])
    assert low < -2
    assert high > np.log10(0.9)
    found = np.array(view.ends.data["y"])[np.argsort(heights)]
    shares = (np.log10(found) - low) / (high - low)
    assert np.diff(shares).min() >= APART - 1e-9
    assert shares[-1] - shares[0] < 0.7
    view.update([(ending_at(height), 1) for height in (0.1, 0.9)], dict.fromkeys("AB", "#123456"))
    np.testing.assert_allclose(view.ends.data["y"], [0.1, 0.9])


def ending_at(height):
    """The training losses of a run that ends at one."""
    return xr.Dataset(
        {"loss": (("split", "step"), [[0.01, height]])}, {"split": ["train"], "step": [0, 1]}
    )


def test_all_paths_on_one_plane_have_the_letters_and_colours_of_the_runs():
    step = np.arange(5)
    plane = slice_of(valley, n=11).assign(
        path_alpha=("step", 0.1 * step),
        path_beta=("step", 0.0 * step),
        path_distance=("step", 0.0 * step),
        other_alpha=(("run", "step"), -0.1 * step[None]),
        other_beta=(("run", "step"), 0.2 * step[None]),
        other_distance=(("run", "step"), 0.5 * step[None]),
    )
    view = Comparison()
    grid, together = view.figure.children[:2]
    runs = [compared("A"), compared("B")]
    view.update(runs, "together", plane=slice_of(valley, n=11))  # the paths are not there yet
    assert view.together.ends.data["text"] == []
    view.update(runs, "together", plane=plane.assign_coords(step=step))
    assert view.together.ends.data["text"] == ["A", "B, 2 off"]
    assert view.together.ends.data["color"] == [color_of(0), color_of(1)]
    assert together.visible
    assert view.together.figure.visible
    view.update(runs, "together", problem="the networks differ <all>")
    assert "the networks differ &lt;all&gt;" in view.problem.text
    assert view.problem.visible
    assert not view.together.figure.visible
    assert not grid.visible


@pytest.mark.parametrize("mode", ["side", "difference"])
def test_what_is_there_already_is_not_sent_again(mode):
    view = Comparison()
    view.update([compared("A"), compared("B", higher)], mode)
    again = [compared("A"), compared("B", higher)]
    assert sent(view, lambda: view.update(again, mode)) == ([], 0)


def test_accuracies_are_compared_on_a_linear_scale():
    view = Comparison()
    view.update([compared("A"), compared("B", higher)], variable="accuracy", limits=(0.1, 10))
    accuracy = slice_of(valley)["accuracy"].values[0]
    np.testing.assert_allclose(
        view.panels[0].image.data["values"][0], accuracy, rtol=1e-6, atol=1e-30
    )
    assert "training accuracy" in view.bar.text
    bare = [compared("A")]
    bare[0].slice["accuracy"] = xr.full_like(bare[0].slice["accuracy"], 1.0)
    view.update([Compared("A", "", bare[0].slice.drop_vars("accuracy"), path_to(1, 1), 0,
                          curves_of(30))], variable="accuracy")  # fmt: skip
    assert "training loss" in view.bar.text


def frames_of(message, count):
    """The header and the heights of each picture in a message."""
    numbers, found = np.frombuffer(message, "<f4"), []
    for _ in range(count):
        rows, columns, steps = numbers[:3].astype(int)
        cells = rows * columns
        found.append((numbers[:14], numbers[14 : 14 + cells].reshape(rows, columns)))
        numbers = numbers[14 + cells + 3 * steps + 6 + steps :]
    assert numbers.size == 0
    return found


def test_surfaces_have_one_range_of_heights_or_each_its_own_and_the_labels_of_their_planes():
    view, runs = Surfaces(), [compared("A"), compared("B", higher, n=31, seen=100)]
    axis = runs[1].slice["alpha"].assign_attrs(long_name="PC1 (40 % of the variance)")
    runs[1] = replace(runs[1], slice=runs[1].slice.assign_coords(alpha=axis))
    losses = [run.slice["loss"].sel(split="train").values for run in runs]
    view.update(runs, "surfaces", "linear")
    (first, heights), (second, others) = frames_of(view.surface.frame, 2)
    every = theme.limits(np.concatenate([loss.ravel() for loss in losses]))
    for header in (first, second):
        np.testing.assert_allclose(header[3:5], every, rtol=1e-6)
    at = [run.slice["computed"].values for run in runs]
    np.testing.assert_allclose(heights[at[0]], losses[0][at[0]], rtol=1e-6)
    np.testing.assert_allclose(others[at[1]], losses[1][at[1]], rtol=1e-6)
    assert (first[12], second[12]) == (41, 21)  # iterates up to the step looked at
    assert view.view.titles == [["A", WORDS, color_of(0)], ["B", WORDS, color_of(1)]]
    assert [names[0] for names in view.view.axes] == [
        "PC1 (71 % of the variance)",
        "PC1 (40 % of the variance)",
    ]
    assert view.view.shared
    view.update(runs, "surfaces_own", "log")
    for (header, _), loss in zip(frames_of(view.surface.frame, 2), losses, strict=True):
        np.testing.assert_allclose(header[3:5], theme.limits(np.log10(loss)), rtol=1e-6)
        assert header[13] == 1
    assert not view.view.shared


def test_surfaces_are_compared_above_the_table_and_tell_how_they_are_to_be():
    told = []
    view = ComparedView(compared=told.append)
    maps, runs = view.comparison, [compared("A"), compared("B", higher)]
    maps.update(runs, "surfaces", "log")
    assert not maps.figure.children[0].visible
    assert not maps.bar.visible
    assert maps.figure.children[-1].visible
    assert "lowest loss of the slice" in maps.table.text
    maps.update(runs, "side", "log")
    assert maps.figure.children[0].visible
    assert maps.bar.visible
    view.draw(runs, Display(show="compare", comparison="surfaces", camera="10, 20, 3"))
    assert view.surfaces.surface.camera == "10, 20, 3"
    for shared, mode in ((False, "surfaces_own"), (True, "surfaces")):
        view.surfaces.view.on_message({"action": "shared", "shared": shared})
        assert told[-1] == mode
