"""Classes of a notebook, and of a file of parts: in the form, links, keys, and on workers."""

import os
import subprocess
import sys
import types
from itertools import pairwise
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

import foreign
from foreign import CELL, ROOT, command, landscape
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import name_of, to_plain
from landscape_core.foundation.registry import entries, find, from_plain, make
from landscape_core.models.content_key import content_key
from landscape_core.storage.store import Store
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, train
from landscape_lab.state import form_model
from landscape_lab.state.link import opening, place
from landscape_lab.state.scene import Scene


@pytest.fixture
def notebook(monkeypatch):
    """A function that runs a cell of a notebook, and gives what the notebook has defined."""
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)

    def run(cell=CELL):
        exec(cell, vars(main))
        return main

    return run


def row_of(scene, path):
    return next(form_model.described(row) for row in form_model.rows(scene) if row.path == path)


def test_a_class_of_a_notebook_is_a_part_under_its_own_name(notebook):
    halving = notebook().Halving
    assert find(Optimizer, "Halving") is halving
    assert name_of(halving) == "Halving"
    assert make(Optimizer, "Halving", every=3) == halving(every=3)
    assert from_plain(Run, to_plain(Run(optimizer=halving(every=3)))).optimizer == halving(every=3)
    assert list(entries(Optimizer))[-1] == "Halving"
    assert "Halving" not in entries(Optimizer).shipped()
    states = list(train(Run(optimizer=halving(every=2), batch_size=300, steps=3, dtype="float64")))
    moves = [after.theta - before.theta for before, after in pairwise(states)]
    problem = Run(dtype="float64").problem.build(0, dtype=states[0].theta.dtype).train
    for state, move, rate in zip(states, moves, (0.1, 0.1, 0.05), strict=False):
        np.testing.assert_allclose(move, -rate * problem.gradient(state.theta), rtol=0, atol=1e-15)


def test_a_class_of_a_notebook_is_on_its_form_and_in_its_links(notebook):
    halving = notebook().Halving
    scene = Scene(run=Run(optimizer=halving(every=3)))
    menu = row_of(scene, "run.optimizer")
    assert menu["value"] == "Halving"
    assert menu["options"][-1] == {
        "value": "Halving",
        "label": "Halving",
        "help": "Gradient descent whose learning rate halves at regular intervals.",
        "group": "defined here",
    }
    every = row_of(scene, "run.optimizer.every")
    assert (every["value"], every["low"], every["high"]) == (3, 1, 1000)
    assert form_model.assign(Scene(), "run.optimizer", "Halving").run.optimizer == halving()
    there = opening("spirals")
    there = type(there)("spirals", form_model.assign(there.scene, "run.optimizer", "Halving"), 2)
    assert "run.optimizer=Halving" in there.link()
    assert place(there.link()) == there


def test_a_link_opened_elsewhere_names_the_class_and_where_it_was_defined(notebook):
    with pytest.raises(
        SpecError,
        match="optimizer must be an installed part or a class that is defined here: Halving is the "
        "name of a class that was defined in a notebook or a Python file, and no link or file "
        r"holds its code; got 'Halving'\.$",
    ):
        place("run.optimizer=Halving")
    with pytest.raises(SpecError, match=r"holds its code \(did you mean 'adam'\?\)"):
        place("run.optimizer=MyAdam")


def test_of_a_cell_that_is_run_twice_the_newest_class_counts(notebook):
    first = notebook().Halving
    old = Scene(run=Run(optimizer=first(every=7)))
    second = notebook(CELL.replace("0.5 **", "0.25 **")).Halving
    assert find(Optimizer, "Halving") is second
    assert [name for name in entries(Optimizer) if name == "Halving"] == ["Halving"]
    assert content_key(first()) != content_key(second())
    assert row_of(old, "run.optimizer")["value"] == "Halving"
    renewed = form_model.assign(old, "run.optimizer", "Halving").run.optimizer
    assert type(renewed) is second
    assert renewed.every == 7


def test_a_class_that_is_deleted_is_no_part_any_more(notebook):
    main = notebook()
    assert "Halving" in entries(Optimizer)
    del main.Halving
    assert "Halving" not in entries(Optimizer)


def test_a_class_that_a_notebook_imports_is_a_part_and_shipped_ones_stay_single(
    notebook, tmp_path, monkeypatch
):
    (tmp_path / "my_halving_parts.py").write_text(CELL)
    monkeypatch.syspath_prepend(tmp_path)
    shipped = "from landscape_core.training.optimizers.sgd import SGD\n"
    main = notebook(f"from my_halving_parts import Halving\n{shipped}")
    assert find(Optimizer, "Halving") is main.Halving
    assert list(entries(Optimizer)) == [*entries(Optimizer).shipped(), "Halving"]
    del sys.modules["my_halving_parts"]


def test_two_classes_of_one_name_are_both_named_and_neither_is_used(notebook):
    main = notebook()
    main.Other = notebook().Halving
    notebook()
    assert main.Other is not main.Halving
    with pytest.warns(UserWarning, match="several have this name"):
        assert list(entries(Optimizer)) == list(entries(Optimizer).shipped())
    with pytest.raises(SpecError, match="several have this name: class __main__:Halving"):
        find(Optimizer, "Halving")
    foreign.forget()


def test_a_class_with_the_name_of_a_shipped_part_does_not_take_its_place(notebook):
    main = notebook(CELL.replace("class Halving", "class sgd"))
    with pytest.warns(UserWarning, match="class __main__:sgd has the name of a part of Landscape"):
        assert list(entries(Optimizer)) == list(entries(Optimizer).shipped())
    assert find(Optimizer, "sgd") is SGD
    assert not entries(Optimizer).holds(main.sgd)
    foreign.forget()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("@dataclass(frozen=True, kw_only=True)\n", "", "lacks the decorator @dataclass"),
        ("def step", "def move", "lacks the method step"),
        ("= 10\n", "\n", r"Halving\.every has no default value"),
        ('Annotated[int, Knob(1, 1000, "steps until it halves")]', "int", "needs Annotated"),
    ],
    ids=["no decorator", "no method", "no default", "no annotation"],
)
def test_a_class_of_a_notebook_that_cannot_be_used_says_why(notebook, old, new, told):
    notebook(CELL.replace(old, new))
    foreign.forget()
    if "method" in told:  # an abstract class may be meant as a base
        assert "Halving" not in list(entries(Optimizer))
    else:
        with pytest.warns(UserWarning, match="This optimizer is left out: class __main__:Halving"):
            assert "Halving" not in list(entries(Optimizer))
    with pytest.raises(SpecError, match=told):
        find(Optimizer, "Halving")


def test_a_class_of_a_notebook_crosses_a_process_border(notebook, tmp_path):
    recipe = notebook().Halving(every=5)
    file = tmp_path / "recipe.pkl"
    file.write_bytes(cloudpickle.dumps(recipe))
    code = f"import pickle; print(pickle.load(open({str(file)!r}, 'rb')))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == repr(recipe)


def test_a_page_in_a_notebook_takes_its_class(notebook, tmp_path, monkeypatch):
    from landscape_lab.page.controller import Page

    halving = notebook().Halving
    page = Page("preset=spirals&step=2&slice.resolution=11", store=Store(tmp_path))
    try:
        page.choose("run.optimizer", "Halving")
        page.choose("run.optimizer.every", 4)
        rate = page.scene.run.optimizer.learning_rate  # which the preset chose
        assert page.scene.run.optimizer == halving(every=4, learning_rate=rate)
        assert "run.optimizer=Halving" in page.run.place.link()
    finally:
        page.close()
    own = Page(own=Scene(run=Run(optimizer=halving(every=6))), store=Store(tmp_path))
    try:
        own.choose("run.optimizer.learning_rate", 0.2)
        assert own.scene.run.optimizer == halving(every=6, learning_rate=0.2)
    finally:
        own.close()


def test_no_program_is_written_that_could_not_import_a_class_of_a_notebook(notebook):
    from landscape_core.foundation.recipe_code import RecipeCode

    with pytest.raises(SpecError, match=r"made of classes that it can import; got 'Halving'"):
        RecipeCode().value(notebook().Halving())


def test_the_command_line_takes_a_file_of_parts(tmp_path):
    (tmp_path / "my_parts.py").write_text(CELL)
    parts = ("--parts", "my_parts.py")
    assert "Halving  " in landscape(tmp_path, "list", "optimizers", *parts)
    words = ("--optimizer", "Halving", "--set", "optimizer.every=5", "--steps", "3", "-o", "run.nc")
    command(tmp_path, "train", *parts, *words)
    sliced = command(tmp_path, "slice", "run.nc", *parts, "--resolution", "3")
    assert "lowest train loss" in sliced
    told = command(tmp_path, "slice", "run.nc", "--force", "--resolution", "3", expected=1)
    assert "the user's own parts of the run must be defined here" in told
    assert "got 'my_parts.Halving'" in told
    (tmp_path / "my_parts.py").write_text(CELL.replace("0.5 **", "0.25 **"))
    told = command(tmp_path, "slice", "run.nc", "--force", *parts, "--resolution", "3", expected=1)
    assert "file of parts, by the code it trained with; got 'my_parts.Halving'" in told


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("absent.py", None, "--parts must be a Python file, as my_parts.py; got"),
        ("my-parts.py", CELL, "--parts must be a Python file"),
        ("broken.py", "1 / 0\n", "--parts broken.py cannot be imported: ZeroDivisionError"),
        ("json.py", CELL, "--parts must be named otherwise: there is a module json"),
    ],
    ids=["absent", "no identifier", "broken", "the name of a module"],
)
def test_a_file_of_parts_that_cannot_be_used_says_why(file, content, told, tmp_path):
    if content is not None:
        (tmp_path / file).write_text(content)
    folder = tmp_path / "work"
    folder.mkdir()
    error = command(folder, "list", "losses", "--parts", str(Path("..", file)), expected=1)
    assert told.replace(file, str(Path("..", file)), 1) in error


@pytest.mark.exhaustive
def test_a_measure_of_a_notebook_travels_to_workers(tmp_path):
    """What a notebook defines goes by its code to the workers of a cluster."""
    script = tmp_path / "script.py"
    script.write_text(
        '''
from dataclasses import dataclass
import torch
from landscape_core import Dask, landscape
from landscape_core.models.measures.base import OutputMeasure


@dataclass(frozen=True, kw_only=True)
class Largest(OutputMeasure):
    """The mean of the largest output."""

    def read(self, outputs, answers):
        return outputs.amax(-1).mean(-1)


if __name__ == "__main__":
    net = torch.nn.Linear(2, 3).double()
    x, y = torch.ones(6, 2, dtype=torch.float64), torch.arange(6) % 3
    read = {"largest": Largest()}
    told = []
    for backend in (None, Dask(workers=1)):
        found = landscape(net, torch.nn.functional.cross_entropy, (x, y), measures=read,
                          resolution=3, backend=backend, strategy="loop")
        told.append(found["largest"].values)
    print(abs(told[0] - told[1]).max() < 1e-12)
'''
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "app")])}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=env, timeout=200, cwd=tmp_path
    )
    assert done.stdout.strip() == "True", done.stderr
