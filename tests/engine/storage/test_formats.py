"""Slices in the formats of other programs, read back by other readers and by plain loops."""

import csv
import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import xarray as xr

import landscape_core as lc
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage.formats import WRITERS
from landscape_core.storage.slice_mesh import mesh_of

ALPHA = np.linspace(-1, 1, 5)
BETA = np.linspace(0, 3, 4)
HOLES = {(0, 0): np.nan, (2, 3): np.inf}


def slice_of(splits=("train", "test"), *, path=True, holes=True):
    loss = 0.5 + ALPHA[None] ** 2 + BETA[:, None]
    if holes:
        for place, value in HOLES.items():
            loss[place] = value
    every = np.stack([loss, 3 * loss])[: len(splits)]
    variables = {
        "loss": (("split", "beta", "alpha"), every),
        "accuracy": (("split", "beta", "alpha"), np.exp(-every)),
        "error": (("beta", "alpha"), np.zeros((4, 5))),
        "computed": (("beta", "alpha"), np.arange(20).reshape(4, 5) % 2 == 0),
    }
    if path:
        variables |= {
            "path_alpha": ("step", [0.9, 0.5, np.nan, 0.1, 7.0, 0.0]),
            "path_beta": ("step", [2.5, 2.0, np.nan, 1.0, 1.0, 0.5]),
        }
    coords = {"split": list(splits), "beta": BETA, "alpha": ALPHA}
    return xr.Dataset(variables, coords, {"examples": [3, 4], "note": math.nan, "dtype": "float64"})


def line_of():
    return slice_of(path=False).isel(beta=2, drop=True)


def written(tmp_path, dataset, ending, **options):
    path = tmp_path / f"s{ending}"
    lc.save(dataset, path, **options)
    return path


def test_a_table_has_a_row_for_each_point(tmp_path):
    slice_ = slice_of()
    with written(tmp_path, slice_, ".csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert list(rows[0])[:4] == ["alpha", "beta", "train_loss", "test_loss"]
    for number, row in enumerate(rows):
        here = slice_.isel(beta=number // 5, alpha=number % 5)
        assert float(row["alpha"]) == float(here["alpha"])
        assert float(row["beta"]) == float(here["beta"])
        for split in ("train", "test"):
            for name in ("loss", "accuracy"):
                expected = float(here[name].sel(split=split))
                np.testing.assert_equal(float(row[f"{split}_{name}"]), expected)
        assert row["computed"] == str(int(here["computed"]))
        assert float(row["error"]) == 0


def test_a_table_is_read_by_numpy_and_pandas(tmp_path):
    path = written(tmp_path, slice_of(), ".csv", split="test")
    assert path.read_text().startswith("alpha,beta,loss,accuracy,error,computed\n")
    read = np.loadtxt(path, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(read[:, 2], slice_of()["loss"].sel(split="test").values.ravel())
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(path)
    np.testing.assert_array_equal(frame["loss"], read[:, 2])


def test_a_table_of_a_line_and_of_a_chosen_split(tmp_path):
    path = written(tmp_path, line_of(), ".csv")
    names, first, *_ = path.read_text().splitlines()
    assert names == "alpha,train_loss,test_loss,train_accuracy,test_accuracy,error,computed"
    assert first.split(",")[:2] == ["-1.0", "3.5"]
    chosen = written(tmp_path, slice_of().sel(split="train"), ".csv").read_text()
    assert chosen == written(tmp_path, slice_of(), ".csv", split="train").read_text()


def test_json_holds_everything_and_no_nan(tmp_path):
    slice_ = slice_of()

    def refuse(word):
        raise AssertionError(word)

    text = written(tmp_path, slice_, ".json").read_text()
    plain = json.loads(text, parse_constant=refuse)
    assert plain["data_vars"]["loss"]["data"][0][0][0] is None
    assert plain["attrs"]["note"] is None
    back = xr.Dataset.from_dict(plain)
    expected = slice_["loss"].where(np.isfinite(slice_["loss"]))
    np.testing.assert_array_equal(back["loss"].astype(float), expected)
    for name in ("path_alpha", "computed", "alpha", "split"):
        np.testing.assert_array_equal(
            back[name].astype(slice_[name].dtype).values, slice_[name].values
        )


def vtp(path):
    """What a file of polygons holds, by a plain parser: fields, point data, points, cells."""
    piece = ET.parse(path).getroot().find("PolyData/Piece")
    arrays = {
        one.get("Name"): np.array((one.text or "").split(), float)
        for one in piece.findall("PointData/DataArray")
    }
    fields = {
        one.get("Name"): float(one.text)
        for one in ET.parse(path).getroot().findall("PolyData/FieldData/DataArray")
    }
    points = np.array(piece.find("Points/DataArray").text.split(), float).reshape(-1, 3)
    cells = {}
    for kind in ("Lines", "Polys"):
        numbers, ends = (
            np.array((one.text or "").split(), int) for one in piece.findall(f"{kind}/DataArray")
        )
        assert int(piece.get(f"NumberOf{kind}")) == len(ends)
        cells[kind] = np.split(numbers, ends[:-1]) if len(ends) else []
    assert int(piece.get("NumberOfPoints")) == len(points)
    assert all(len(one) == len(points) for one in arrays.values())
    return fields, arrays, points, cells


def obj(path):
    """Vertices, faces and lines of a file, by a plain parser; indices from 0."""
    words = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    vertices = np.array([one[1:] for one in words if one[0] == "v"], float)
    cells = {
        key: [np.array(one[1:], int) - 1 for one in words if one[0] == key] for key in ("f", "l")
    }
    return vertices, cells["f"], cells["l"]


def is_above(points, faces):
    """Whether each triangle is counter-clockwise as seen from above, with a positive area."""
    a, b, c = (points[[face[n] for face in faces], :2] for n in range(3))
    return ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] > 0).all()


def area(points, faces):
    sides = [points[face[1:], :2] - points[face[0], :2] for face in faces]
    return sum(abs(np.linalg.det(pair)) for pair in sides) / 2


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_surface_for_vtk_states_its_heights_and_values(tmp_path, scale):
    slice_ = slice_of()
    path = written(tmp_path, slice_, ".vtp", scale=scale)
    fields, arrays, points, cells = vtp(path)
    factor = fields["height_factor"]
    assert fields["log_heights"] == (scale == "log")
    assert f"z: {factor!r} times" in path.read_text()
    loss = slice_["loss"].sel(split="train").values
    finite = np.isfinite(loss)
    surface = arrays["on_path"] == 0
    assert surface.sum() == finite.sum() == 18
    np.testing.assert_array_equal(arrays["loss"][surface], loss[finite])
    heights = np.log10(arrays["loss"]) if scale == "log" else arrays["loss"]
    np.testing.assert_allclose(points[:, 2], factor * heights, rtol=1e-12)
    np.testing.assert_allclose(arrays["log10_loss"], np.log10(arrays["loss"]))
    assert np.ptp(points[surface, 2]) == pytest.approx(3 / 2)
    at = {(x, y): n for n, (x, y) in enumerate(points[surface, :2].tolist())}
    for (row, column), known in np.ndenumerate(finite):
        assert ((ALPHA[column], BETA[row]) in at) == known
    assert is_above(points, cells["Polys"])
    assert np.isfinite(points).all()
    # Of the 12 cells one lacks its only corner at the edge, and two lack one at the right end.
    assert len(cells["Polys"]) == 24 - 1 - 4
    assert area(points, cells["Polys"]) == pytest.approx((12 - 0.5 - 4 * 0.5) * 0.5)


def test_the_path_is_a_line_on_the_surface_or_at_its_own_losses(tmp_path):
    slice_ = slice_of(holes=False)
    _, arrays, points, cells = vtp(written(tmp_path, slice_, ".vtp"))
    first, second = cells["Lines"] if len(cells["Lines"]) == 2 else (cells["Lines"][0], None)
    assert second is None, "a single point between two gaps is no line"
    np.testing.assert_allclose(points[first, :2], [[0.9, 2.5], [0.5, 2.0]])
    between = np.interp(0.9, [0.5, 1], [0.25, 1])  # linear between the points of the slice
    np.testing.assert_allclose(arrays["loss"][first], [0.5 + between + 2.5, 0.5 + 0.25 + 2])
    own = slice_.assign(path_loss=("step", np.arange(1.0, 7.0)))
    _, arrays, points, cells = vtp(written(tmp_path, own, ".vtp"))
    np.testing.assert_array_equal(arrays["loss"][cells["Lines"][1]], [4, 5, 6])
    _, arrays, points, cells = vtp(written(tmp_path, own, ".vtp", split="test"))
    np.testing.assert_allclose(arrays["loss"][cells["Lines"][0]][1], 3 * 2.75)
    assert vtp(written(tmp_path, own, ".vtp", path_line=False))[3]["Lines"] == []


def test_a_mesh_in_obj_is_that_of_vtk(tmp_path):
    points, faces, lines = obj(written(tmp_path, slice_of(), ".obj"))
    _, _, expected, cells = vtp(written(tmp_path, slice_of(), ".vtp"))
    np.testing.assert_array_equal(points, expected)
    np.testing.assert_array_equal(faces, cells["Polys"])
    np.testing.assert_array_equal(lines, cells["Lines"])
    assert "nan" not in (tmp_path / "s.obj").read_text()


def test_rows_and_columns_in_any_order_give_the_same_mesh(tmp_path):
    turned = slice_of().isel(alpha=slice(None, None, -1)).transpose("alpha", "beta", ...)
    turned["computed"] = turned["computed"].transpose("beta", "alpha")
    for name in ("loss", "accuracy"):
        turned[name] = turned[name].transpose("split", "beta", "alpha")
    given = written(tmp_path, slice_of(), ".obj").read_text()
    assert written(tmp_path, turned, ".obj").read_text() == given


@pytest.mark.parametrize("line", [False, True])
def test_heights_up_to_the_largest_number_have_the_relief_of_others(line):
    made = slice_of(holes=False, path=False)
    made = made.isel(beta=2, drop=True) if line else made
    low, high = float(made["loss"].min()), float(made["loss"].max())
    unit = (made["loss"] - low) / (high - low)
    usual = mesh_of(made.assign(loss=unit))
    huge = mesh_of(made.assign(loss=(2 * unit - 1) * 1.7e308))
    assert float(np.ptp(huge.points[:, 2])) == pytest.approx(float(np.ptp(usual.points[:, 2])))
    np.testing.assert_allclose(
        huge.points[:, 2] - huge.points[:, 2].min(), usual.points[:, 2] - usual.points[:, 2].min(),
        atol=1e-9,
    )  # fmt: skip


def test_a_line_is_a_line_in_space(tmp_path):
    line = line_of()
    _, _, points, cells = vtp(written(tmp_path, line, ".vtp"))
    assert [list(one) for one in cells["Lines"]] == [[0, 1, 2]]  # 3 is infinite, 4 alone
    assert (points[:, 1] == 0).all()
    assert len(obj(written(tmp_path, line, ".obj"))[2]) == 1
    assert cells["Polys"] == []


def test_vtk_and_pyvista_read_the_surface(tmp_path):
    pyvista = pytest.importorskip("pyvista")
    path = written(tmp_path, slice_of(), ".vtp")
    fields, arrays, points, cells = vtp(path)
    read = pyvista.read(path)
    np.testing.assert_allclose(read.points, points, rtol=1e-6)
    np.testing.assert_array_equal(read.point_data["loss"], arrays["loss"])
    np.testing.assert_array_equal(read.faces.reshape(-1, 4)[:, 1:], cells["Polys"])
    assert float(read.field_data["height_factor"][0]) == fields["height_factor"]
    assert read.n_lines == len(cells["Lines"])


def test_trimesh_reads_the_surface(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    path = written(tmp_path, slice_of(path=False), ".obj")
    read = trimesh.load(path, force="mesh")
    assert len(read.faces) == len(obj(path)[1])
    assert (read.face_normals[:, 2] > 0).all()


@pytest.mark.parametrize("name", ["s.h5", "s.ply", "s", "s.nc4", "s.csv.gz"])
def test_an_unknown_ending_is_refused_with_all_that_are_known(tmp_path, name):
    with pytest.raises(SpecError, match=r"a \.nc, \.csv, \.json, \.vtp or \.obj file") as refused:
        lc.save(slice_of(), tmp_path / name)
    assert all(ending in str(refused.value) for ending in WRITERS)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("ending", "options", "words"),
    [
        (".csv", {"split": "validation"}, "split must be one of train, test"),
        (".csv", {"scale": "log"}, "scale must be left out for a .csv"),
        (".nc", {"split": "train"}, "split must be left out"),
        (".json", {"variable": "loss"}, "variable must be left out"),
        (".vtp", {"variable": "los"}, "variable must be one of loss, accuracy, error"),
        (".obj", {"scale": "cubic"}, "scale must be one of linear, log"),
    ],
)
def test_an_option_that_a_format_does_not_take_is_refused(tmp_path, ending, options, words):
    with pytest.raises(SpecError, match=words):
        written(tmp_path, slice_of(), ending, **options)


def test_what_is_no_slice_or_has_no_heights_is_refused(tmp_path):
    for ending in (".csv", ".vtp", ".obj"):
        with pytest.raises(FileFormatError, match="a slice needs the variable"):
            written(tmp_path, xr.Dataset({"a": ("x", [1.0])}), ending)
    with pytest.raises(SpecError, match="finite height"):
        written(tmp_path, slice_of().assign(loss=slice_of()["loss"] * np.nan), ".vtp")
    with pytest.raises(SpecError, match=r"xarray\.Dataset"):
        lc.save(slice_of()["loss"], tmp_path / "s.csv")
    assert list(tmp_path.iterdir()) == []
