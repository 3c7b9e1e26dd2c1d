"""Parts of other packages: in the form, in links, and on the command line."""

import json

import pytest
import xarray as xr

import foreign
from foreign import command, landscape
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries, find
from landscape_core.planes.directions.base import Directions
from landscape_core.training.optimizers.base import Optimizer
from landscape_lab.page.form_sections import sections
from landscape_lab.state import form_model
from landscape_lab.state.link import opening, place
from landscape_lab.state.scene import Scene

PATHS = {
    "optimizers": "run.optimizer",
    "datasets": "run.problem.dataset",
    "architectures": "run.problem.architecture",
    "losses": "run.problem.loss",
    "regularizers": "run.problem.regularizer",
    "schedules": "run.schedule",
    "samplers": "run.sampler",
    "directions": "slice.directions",
}
"""Where the parts of a kind stand on the form."""


@pytest.fixture
def package(tmp_path):
    with foreign.on_path(foreign.install(tmp_path)):
        yield tmp_path


def named(part):
    group, name = part
    return group.removeprefix("landscape_lab."), name


PARTS = [
    (kind, name)
    for kind, name in map(
        named, ((group, n) for group, found in foreign.declared().items() for n in found)
    )
    if kind in PATHS
]


def row_of(scene, path):
    return next(form_model.described(row) for row in form_model.rows(scene) if row.path == path)


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_foreign_part_is_in_its_menu_with_its_fields_as_controls(kind, name, package):
    path = PATHS[kind]
    scene = form_model.assign(Scene(), path, name)
    menu, chosen = row_of(scene, path), getattr_at(scene, path)
    assert menu["value"] == name
    (option,) = [one for one in menu["options"] if one["value"] == name]
    assert option["group"] == "from foreign-parts 1.0"
    assert option["label"] == menu["card"]["title"]
    assert option["help"]
    own = vars(type(chosen))["__annotations__"]
    for row in form_model.rows(scene):
        if row.path.startswith(f"{path}.") and row.field.name in own:
            told = form_model.described(row)
            assert told["help"]
            assert told["low"] <= told["value"] <= told["high"]
            assert told["kind"] in ("number", "integer")


def getattr_at(recipe, path):
    for name in path.split("."):
        recipe = getattr(recipe, name)
    return recipe


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_link_with_a_foreign_part_opens_the_same_place(kind, name, package):
    there = opening("spirals")
    scene = form_model.assign(there.scene, PATHS[kind], name)
    there = type(there)("spirals", scene, 3)
    assert f"{PATHS[kind]}={name}" in there.link()
    assert place(there.link()) == there


def test_a_family_of_the_menu_takes_a_foreign_part_in(package, monkeypatch):
    kind = find(Optimizer, "signum")
    monkeypatch.setattr(kind, "family", "sign methods", raising=False)
    (option,) = [
        one for one in row_of(Scene(), "run.optimizer")["options"] if one["value"] == "signum"
    ]
    assert option["group"] == "sign methods"


def test_a_broken_package_leaves_the_form_as_it_was(tmp_path):
    before = sections(Scene(), Scene())
    (tmp_path / "broken.py").write_text("raise RuntimeError('not today')\n")
    points = {f"landscape_lab.{kind}": {"broken": "broken:Broken"} for kind in PATHS}
    foreign.describe(tmp_path, "broken", points)
    with foreign.on_path(tmp_path):
        with pytest.warns(UserWarning, match="RuntimeError: not today") as caught:
            assert sections(Scene(), Scene()) == before
        assert len(caught) == len(PATHS)
        with pytest.raises(SpecError, match=r"broken 1\.0 .*RuntimeError: not today"):
            place("run.optimizer=broken")


def test_the_command_line_takes_foreign_parts(tmp_path):
    foreign.install(tmp_path)
    listed = landscape(tmp_path, "list", "optimizers")
    assert "Signum: Steps of one size along the signs of the momentum. (from foreign" in listed
    assert "learning_rate = 0.01  (step size η)" in listed
    page = command(tmp_path, "list", "optimizers", "--markdown")
    assert "signum" not in page
    command(
        *(tmp_path, "train", "--steps", "4", "--optimizer", "signum", "--architecture", "maxout"),
        *("--set", "optimizer.momentum=0.5", "--dataset", "checkerboard", "-o", "run.nc"),
        *("--set", "problem.regularizer=l1", "--sampler", "sequential", "--schedule", "polynomial"),
    )
    command(
        *(tmp_path, "slice", "run.nc", "--directions", "coordinates", "--resolution", "3"),
        *("--set", "directions.second=4", "--measures", "confidence", "-o", "slice.nc"),
    )
    with (
        xr.open_dataset(tmp_path / "run.nc") as path,
        xr.open_dataset(tmp_path / "slice.nc") as cut,
    ):
        run = json.loads(path.attrs["run"])
        assert run["optimizer"] == {"kind": "signum", "learning_rate": 0.01, "momentum": 0.5}
        assert "own_parts" not in path.attrs
        assert cut["confidence"].sizes["alpha"] == 3
        assert (cut["confidence"] >= 0.5).all()


def test_the_command_line_draws_a_link_with_a_foreign_part(tmp_path):
    foreign.install(tmp_path)
    link = "preset=spirals&step=2&run.optimizer=signum&slice.resolution=11"
    link += "&slice.directions=coordinates"
    command(tmp_path, "picture", link, "-o", "x.nc")
    with xr.open_dataset(tmp_path / "x.nc") as found:
        assert found.sizes["alpha"] == 11
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    told = command(elsewhere, "picture", link, "-o", "y.nc", expected=1)
    assert "optimizer must be one of" in told
    assert "got 'signum'" in told


def test_a_rule_for_planes_of_a_package_is_listed_once(package):
    assert [name for name in entries(Directions) if name == "coordinates"] == ["coordinates"]
