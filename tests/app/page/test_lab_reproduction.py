"""Links, programs and data files of a lab give it again to the bit."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

from landscape_core import labs
from landscape_core.foundation.recipes import Choice, Knob, Recipe, fields_of, name_of
from landscape_core.foundation.registry import entries, find, from_plain
from landscape_core.labs.base import Lab
from landscape_core.storage import netcdf
from landscape_core.storage.store import Store
from landscape_lab.page.controller import Page
from landscape_lab.page.lab_files import content, program
from landscape_lab.state.form_model import assign
from landscape_lab.state.lab_place import LabPlace, named_by
from landscape_lab.worker import thread
from waiting import until

NAMES = sorted(entries(Lab).shipped())

CHANGED = {
    "constant_target": "lab=constant_target&lab.target=2.0&lab.exponent=0.3&seeds=2&first=5000",
    "noise_and_rank": "lab=noise_and_rank&lab.noise=dropout&lab.start_rank=2&seeds=2&first=7",
}
"""Links of quick labs with settings of several kinds."""


@pytest.fixture(autouse=True)
def _nobody_draws(monkeypatch):
    monkeypatch.setattr(thread, "PATIENCE", 0.01)


def played(link, folder):
    """The dataset that a page shows after Play, opened by a link with a store of its own."""
    page = Page(link, store=Store(folder))
    page.ready()
    page.labs.play()
    until(lambda: page.labs.dataset is not None and not page.labs.busy)
    there, dataset, address = page.labs.place, page.labs.dataset, page.layout.link.view.value
    page.close()
    return there, dataset, address


def elsewhere(lab):
    """The lab with every setting changed from its default."""
    for field in fields_of(type(lab)):
        now = getattr(lab, field.name)
        if isinstance(field.mark, Choice):
            new = next(one for one in field.mark.options if one != now)
        elif isinstance(now, bool):
            new = not now
        elif isinstance(field.mark, Knob):
            new = field.mark.low if now != field.mark.low else field.mark.high
        elif isinstance(now, Recipe):
            known = entries(field.type).shipped()
            new = next(name for name in known if name != name_of(type(now)))
        lab = assign(lab, field.name, new)
    return lab


@pytest.mark.parametrize(
    "name",
    ["constant_target", pytest.param("noise_and_rank", marks=pytest.mark.exhaustive)],
)
def test_link_program_and_data_file_give_the_same_dataset(name, tmp_path):
    there, dataset, address = played(CHANGED[name], tmp_path / "one")
    assert address == CHANGED[name]
    again, repeated, _ = played(address, tmp_path / "two")
    assert again == there
    expected = labs.repeatable(dataset)
    assert labs.repeatable(repeated).identical(expected)

    kept = netcdf.from_bytes(content("nc", there.lab, there.seeds, dataset))
    assert kept.identical(dataset)

    (tmp_path / "program.py").write_text(program(there.lab, there.seeds))
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == dataset.attrs["verdict_in_words"]
    with xr.open_dataset(tmp_path / f"{name}.nc") as written:
        found = labs.repeatable(written.load())
    xr.testing.assert_identical(found, expected)


@pytest.mark.parametrize("name", NAMES)
def test_program_and_link_name_every_setting_and_seed(name, monkeypatch):
    there = LabPlace(elsewhere(find(Lab, name)()), 3, 5000, shown=1)
    default = find(Lab, name)()
    assert all(
        getattr(there.lab, field.name) != getattr(default, field.name)
        for field in fields_of(type(default))
    )
    assert named_by(there.link()) == there
    tree = ast.parse(program(there.lab, there.seeds))
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "labs.run"
    ]
    seeds = eval(ast.unparse(next(k.value for k in call.keywords if k.arg == "seeds")))
    settings = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg != "seeds"}
    assert list(seeds) == there.seeds
    assert from_plain(Lab, {"kind": ast.literal_eval(call.args[0]), **settings}) == there.lab


def test_a_program_of_default_settings_names_none():
    lab = find(Lab, "games")()
    assert "labs.run('games', seeds=range(0, 8))" in program(lab, list(range(8)))
    assert Path("games.nc").name in program(lab, [0])
