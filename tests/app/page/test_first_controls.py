"""The first screen of the form: five controls, of whatever the problem has."""

import pytest

from landscape_core.foundation.recipes import fields_of
from landscape_core.foundation.registry import entries
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.problems.base import Problem
from landscape_lab.components.form.form import PICTURES
from landscape_lab.components.images import images
from landscape_lab.page.first_controls import first_paths
from landscape_lab.page.form_sections import FIRST, sections
from landscape_lab.state.form_model import assign, value_at
from landscape_lab.state.scene import Scene

FIVE = ["run.problem.dataset", "run.problem.architecture.depth", "run.optimizer",
        "run.optimizer.learning_rate", "run.batch_size"]  # fmt: skip


def first_of(scene):
    found = sections(scene, scene)
    assert [one["title"] for one in found].index(FIRST) == 0
    assert all(one["closed"] for one in found[1:])
    return found[0]["fields"]


def test_five_controls_are_shown_at_once_each_with_a_line_of_help():
    fields = first_of(Scene())
    assert [field["path"] for field in fields] == FIVE
    assert all(field["help"] and not field["detail"] for field in fields)
    assert [field["pictured"] for field in fields] == [True, False, False, False, False]


@pytest.mark.parametrize("name", list(entries(Architecture)))
def test_the_depth_of_an_architecture_is_a_field_that_it_has_or_is_not_shown(name):
    scene = assign(Scene(), "run.problem.architecture", name)
    stated = entries(Architecture)[name].depth_field
    depth = [path for path in first_paths(scene) if path.startswith("run.problem.architecture")]
    assert depth == ([f"run.problem.architecture.{stated}"] if stated else [])
    assert all(isinstance(value_at(scene, path), int) for path in depth)
    named = {field.name for field in fields_of(entries(Architecture)[name])}
    assert bool(stated) == bool(named & {"depth", "blocks"})


@pytest.mark.parametrize("name", list(entries(Problem)))
def test_a_problem_without_data_has_its_own_menu_first(name):
    scene = assign(Scene(), "run.problem", name)
    paths = [field["path"] for field in first_of(scene)]
    assert paths[0] == ("run.problem.dataset" if name == "supervised" else "run.problem")
    assert "run.batch_size" in paths
    assert ("run.problem.layers" in paths) == (name == "node_classification")


def test_the_file_of_your_own_table_is_chosen_beside_it():
    scene = assign(Scene(), "run.problem.dataset", "table")
    assert [field["path"] for field in first_of(scene)][:2] == [FIVE[0], f"{FIVE[0]}.path"]


def test_data_sets_with_a_picture_are_among_the_choices():
    offered = {option["value"] for option in first_of(Scene())[0]["options"]}
    assert {"moons", "spirals", "digits", "regression_1d"} <= set(images(PICTURES)) <= offered
