"""Recipes as forms and links: flat paths, values put back, short links that open the same view."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import fields_of, label_of, summary_of
from landscape_core.foundation.registry import entries
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.problems.base import Problem
from landscape_core.training.optimizers.base import Optimizer
from landscape_lab.page.form_sections import FIRST, SECTIONS, sections
from landscape_lab.state import form_model
from landscape_lab.state.link import opening, place
from landscape_lab.state.preset import presets
from landscape_lab.state.scene import Display, Scene

PATHS = [entry.path for entry in form_model.rows(Scene())]


@pytest.mark.parametrize("path", PATHS)
def test_the_value_of_every_row_can_be_put_back_as_text(path):
    scene = Scene()
    value = next(form_model.plain_value(e.value) for e in form_model.rows(scene) if e.path == path)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    assert form_model.assign(scene, path, text) == scene


@pytest.mark.parametrize("name", entries(Optimizer))
def test_every_optimizer_brings_its_own_rows(name):
    scene = form_model.assign(Scene(), "run.optimizer", name)
    shown = {e.field.name for e in form_model.rows(scene) if e.path.startswith("run.optimizer.")}
    assert shown == {field.name for field in fields_of(entries(Optimizer)[name])}


def test_every_row_is_described_in_words():
    for entry in form_model.rows(Scene()):
        row = form_model.described(entry)
        assert row["label"]
        assert row["help"]
        assert row["kind"] in ("choice", "number", "integer", "switch", "text")


def test_another_kind_keeps_what_the_user_had_changed_and_no_more():
    scene = form_model.assign(Scene(), "run.problem.architecture.width", 24)
    scene = form_model.assign(scene, "run.problem.architecture", "residual_mlp")
    architecture = scene.run.problem.architecture
    assert architecture.width == 24
    assert architecture.depth == entries(Architecture)["residual_mlp"]().depth


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("run.batch_size", "many", "a whole number"),
        ("run.batch_size", "1,000", "without separators of thousands"),
        ("run.optimizer.learning_rate", "1,000", "without separators of thousands"),
        ("run.optimizer.learning_rate", "1,5,2", "a number"),
        ("run.optimizer.learning_rate", "1.5,2", "a number"),
        ("display.camera", "1, 2", "three numbers"),
        ("run.batch_size", "2.5", "whole number"),
        ("run.optimizer.learning_rate", "-1", "between"),
        ("run.optimizer.learning_rate", "nan", "between"),
        ("run.optimizer", "adamm", "adam"),
        ("run.nothing", "1", "optimizer"),
        ("slice.follow", "perhaps", "true or false"),
        ("slice.split", "validation", "train"),
    ],
)
def test_a_value_that_is_not_accepted_is_named_with_what_would_be(path, value, said):
    with pytest.raises(SpecError, match=said) as caught:
        form_model.assign(Scene(), path, value)
    assert caught.value.field
    assert caught.value.accepted


def test_an_error_finds_its_row():
    assert form_model.path_of(Scene(), "Run.batch_size") == "run.batch_size"
    assert form_model.path_of(Scene(), "Nobody.nothing") is None


@given(
    seed=st.integers(0, 2**31 - 1),
    rate=st.floats(1e-5, 100.0),
    optimizer=st.sampled_from(sorted(entries(Optimizer))),
    preset=st.sampled_from(sorted(presets())),
    step=st.integers(0, 10**6),
)
def test_a_link_opens_the_same_place(seed, rate, optimizer, preset, step):
    there = opening(preset)
    scene = form_model.assign(there.scene, "run.optimizer", optimizer)
    scene = form_model.assign(scene, "run.optimizer.learning_rate", rate)
    scene = form_model.assign(scene, "run.seed", seed)
    there = type(there)(preset, scene, step)
    assert place(there.link()) == there


def test_an_empty_link_opens_the_first_preset():
    assert place("") == opening(next(iter(presets())))


@pytest.mark.parametrize("link", ["preset=nowhere", "step=-3", "run.seed=x", "a.b=1"])
def test_a_bad_link_is_refused_by_name(link):
    with pytest.raises(SpecError):
        place(link)


def test_every_preset_has_words_and_a_scene_of_its_own():
    assert len(presets()) >= 12
    scenes = [preset.scene for preset in presets().values()]
    assert len({repr(scene) for scene in scenes}) == len(scenes)
    for preset in presets().values():
        assert preset.title
        assert preset.question.endswith("?")
        assert preset.watch
        assert preset.shows.endswith(".")


def test_what_was_changed_is_marked_and_extra_rows_are_told_by_their_default():
    scene = opening("spirals").scene
    changed = form_model.assign(scene, "run.optimizer", "sgd")
    rows = {
        field["path"]: field["changed"]
        for section in sections(changed, scene)
        for field in section["fields"]
    }
    assert rows["run.optimizer"]
    assert not rows["run.batch_size"]
    assert not any(changed for path, changed in rows.items() if "optimizer.momentum" in path)


@pytest.mark.parametrize("limits", ["1", "2, 1", "a, b", "0, 3", "nan, 1"])
def test_limits_that_are_no_range_are_refused(limits):
    with pytest.raises(SpecError, match=r"Display\.limits must be two numbers"):
        form_model.assign(Scene(display=Display(scale="log")), "display.limits", limits)


@pytest.mark.parametrize("base", [Architecture, Optimizer, Problem])
def test_a_card_tells_of_the_chosen_part_in_two_sentences_with_formula_and_source(base):
    path = {Architecture: "run.problem.architecture", Problem: "run.problem"}.get(
        base, "run.optimizer"
    )
    for name, kind in entries(base).items():
        scene = form_model.assign(Scene(), path, name)
        row = next(form_model.described(e) for e in form_model.rows(scene) if e.path == path)
        card = row["card"]
        assert card["title"] == label_of(kind)
        assert card["text"].startswith(summary_of(kind))
        assert card["text"].endswith((".", ")"))
        assert card["formula"] == getattr(kind, "formula", "")
        assert card["source"] == getattr(kind, "source", "")


def test_a_card_takes_its_second_sentence_from_the_documentation_if_there_is_one():
    scene = form_model.assign(Scene(), "run.problem", "valley")
    told = next(form_model.card(e) for e in form_model.rows(scene) if e.path == "run.problem")[
        "text"
    ]
    assert told.endswith(
        "Each example adds a linear term (a tilt) to the function; the tilts sum to zero."
    )
    plain = next(form_model.card(e) for e in form_model.rows(Scene()) if e.path == "run.problem")[
        "text"
    ]
    assert plain == "Supervised learning: train a network on labelled examples."


def test_entries_stand_in_the_menu_under_their_family(monkeypatch):
    monkeypatch.setattr(entries(Optimizer)["adam"], "family", "adaptive", raising=False)
    row = next(
        form_model.described(e) for e in form_model.rows(Scene()) if e.path == "run.optimizer"
    )
    groups = {option["value"]: option["group"] for option in row["options"]}
    assert groups["adam"] == "adaptive"


@pytest.mark.parametrize("problem", entries(Problem))
def test_every_field_of_every_problem_is_on_the_form_and_the_problem_first(problem):
    scene = form_model.assign(Scene(), "run.problem", problem)
    found = {title: fields_in(scene, title) for title in (FIRST, *SECTIONS)}
    shown = [path for paths in found.values() for path in paths]
    wanted = {e.path for e in form_model.rows(scene) if e.path.startswith("run.problem")}
    assert wanted <= set(shown)
    assert len(shown) == len(set(shown))
    assert "run.problem" in (found[FIRST][0], (found["Data"] or [""])[0])
    assert "run.sampler" in found["Optimizer"]


def test_what_a_problem_learns_from_stands_before_its_numbers_and_the_rest_under_the_network():
    scene = form_model.assign(Scene(), "run.problem", "supervised")
    data, network = fields_in(scene, "Data"), fields_in(scene, "Network")
    assert fields_in(scene, FIRST)[0] == "run.problem.dataset"
    assert data[0] == "run.problem"
    assert data[-1] == "run.problem.data_seed"
    parts = {path.split(".")[2] for path in network}
    assert {"architecture", "loss", "regularizer"} <= parts


def fields_in(scene, title):
    found = {section["title"]: section["fields"] for section in sections(scene, scene)}
    return [field["path"] for field in found.get(title, [])]


@pytest.mark.parametrize(
    ("text", "value"), [("1,5", 1.5), ("0,001", 0.001), ("1.5", 1.5), ("1e-2", 0.01)]
)
def test_a_decimal_comma_is_a_decimal_point(text, value):
    scene = form_model.assign(Scene(), "run.optimizer.learning_rate", text)
    assert scene.run.optimizer.learning_rate == value
