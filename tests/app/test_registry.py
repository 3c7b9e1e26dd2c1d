"""A package offers the one concrete class of each of its files, and says so when asked wrongly."""

import re
import sys
from pathlib import Path

import pytest
import torch

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import label_of, summary_of, to_plain
from landscape_core.foundation.registry import Entries, entries, find, from_plain, make
from landscape_core.models.content_key import content_key
from landscape_core.models.datasets.base import ProblemData
from landscape_core.training import optimizers
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.noisy_gradient import NoisyGradient
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, train
from landscape_lab.cli import catalogue_page as handbook
from landscape_lab.panels.base import SidePanel
from landscape_lab.state import form_model
from landscape_lab.state.scene import Scene

BASE = '''
"""What a shape is."""
from abc import ABC, abstractmethod
from dataclasses import dataclass
from landscape_core.foundation.recipes import Recipe

@dataclass(frozen=True, kw_only=True)
class Shape(Recipe, ABC):
    """A shape."""

    @abstractmethod
    def area(self) -> float:
        """Its area."""
'''
CIRCLE = '''
from dataclasses import dataclass
from typing import Annotated
from shapes.base import Shape
from landscape_core.foundation.recipes import Knob

@dataclass(frozen=True, kw_only=True)
class Circle(Shape):
    """Round."""

    radius: Annotated[float, Knob(0.0, 10.0, "from the centre to the rim")] = 1.0

    def area(self) -> float:
        return 3.14 * self.radius**2
'''
SQUARE = CIRCLE.replace("Circle", "Square").replace("Round", "Straight").replace("radius", "side")


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """A function that makes a package of these files and gives its base class."""

    def made(**files):
        package = tmp_path / "shapes"
        package.mkdir()
        for name, text in {"__init__": "", "base": BASE, **files}.items():
            (package / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        from shapes.base import Shape

        return Shape

    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == "shapes"]:
        del sys.modules[name]


def test_a_file_alone_makes_an_entry(shapes):
    shape = shapes(circle=CIRCLE, square=SQUARE)
    assert list(entries(shape)) == ["circle", "square"]
    square = make(shape, "square", side=2.0)
    assert square.area() == pytest.approx(12.56)
    assert label_of(type(square)) == "Square"
    assert summary_of(type(square)) == "Straight."
    assert content_key(square) != content_key(make(shape, "circle", radius=2.0))


def test_files_that_start_with_an_underscore_are_private(shapes):
    assert list(entries(shapes(circle=CIRCLE, _rounding="PI = 3.14\n"))) == ["circle"]


def test_a_file_may_hold_helpers_and_import_its_neighbours(shapes):
    square = SQUARE + "\nfrom shapes.circle import Circle\n\nclass Corner:\n    pass\n"
    assert list(entries(shapes(circle=CIRCLE, square=square))) == ["circle", "square"]


def test_a_file_without_a_class_is_refused(shapes):
    shape = shapes(circle=CIRCLE, empty="SIZE = 3\n")
    with pytest.raises(TypeError, match=r"shapes\.empty must hold one Shape; it holds none"):
        Entries(shape)["empty"]


def test_a_file_with_two_classes_is_refused(shapes):
    shape = shapes(both=CIRCLE + SQUARE)
    with pytest.raises(
        TypeError, match=r"shapes\.both must hold one Shape; it holds Circle, Square"
    ):
        Entries(shape)["both"]


def test_a_class_that_lacks_a_method_is_no_entry(shapes):
    with pytest.raises(TypeError, match=r"shapes\.circle must hold one Shape; it holds none"):
        Entries(shapes(circle=CIRCLE.replace("def area", "def perimeter")))["circle"]


def test_the_entries_cannot_be_changed():
    with pytest.raises(TypeError):
        entries(Optimizer)["sgd"] = Adam


def test_a_name_finds_its_class():
    assert find(Optimizer, "adam") is Adam
    assert make(Optimizer, "adam", beta1=0.5) == Adam(beta1=0.5)


@pytest.mark.parametrize(
    ("name", "nearest"), [("adm", "adam"), ("Adam", "adam"), ("SGD", "sgd"), ("adagrd", "adagrad")]
)
def test_an_unknown_name_is_told_the_nearest_and_all(name, nearest):
    with pytest.raises(SpecError) as caught:
        find(Optimizer, name)
    message = str(caught.value)
    assert message.startswith("optimizer must be one of ")
    assert f"did you mean '{nearest}'?" in message
    assert message.endswith(f"got {name!r}.")
    assert all(known in message for known in entries(Optimizer))


@pytest.mark.parametrize("name", ["", "zzz", None, 3, ["zzz"], "base", "__init__"])
def test_a_name_like_no_other_is_told_all(name):
    with pytest.raises(SpecError, match="one of " + ", ".join(entries(Optimizer))) as caught:
        find(Optimizer, name)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "noun"),
    [(Optimizer, "optimizer"), (ProblemData, "dataset"), (SidePanel, "side panel"), (SGD, "sgd")],
)
def test_an_error_names_the_kind_of_part_in_words(base, noun):
    with pytest.raises(SpecError, match=f"^{noun} must be named fields"):
        from_plain(base, 3)
    if base is not SGD:
        with pytest.raises(SpecError, match=f"^{noun} must be one of .*; got 'zzz'"):
            find(base, "zzz")


def test_an_unknown_field_is_told_all_fields():
    with pytest.raises(SpecError, match=r"a field of Adam must be one of .*beta1.*; got 'beta'"):
        make(Optimizer, "adam", beta=0.5)


def test_a_document_needs_its_kind_where_there_are_several():
    with pytest.raises(SpecError, match="optimizer must be given with its 'kind'"):
        from_plain(Optimizer, {"learning_rate": 0.1})
    assert from_plain(SGD, {"learning_rate": 0.2}) == SGD(learning_rate=0.2)


def test_a_document_of_another_kind_is_refused():
    with pytest.raises(SpecError, match="the kind of SGD must be sgd; got 'adam'"):
        from_plain(SGD, {"kind": "adam"})


@pytest.mark.parametrize("plain", [None, 3, "adam", [1, 2]])
def test_what_is_no_document_is_refused(plain):
    with pytest.raises(SpecError, match="optimizer must be named fields with their values"):
        from_plain(Optimizer, plain)


def test_missing_fields_take_their_defaults():
    assert from_plain(Optimizer, {"kind": "adam", "beta1": 0.5}) == Adam(beta1=0.5)


@pytest.mark.parametrize("kind", [Optimizer, NoisyGradient])
def test_an_older_name_leads_to_the_part_of_today(kind):
    plain = {"kind": "perturbed_gradient", "noise": 0.3}
    assert from_plain(kind, plain) == NoisyGradient(noise=0.3)
    assert to_plain(from_plain(kind, plain))["kind"] == "noisy_gradient"
    assert "perturbed_gradient" not in entries(Optimizer)


def test_a_value_in_a_document_is_checked():
    with pytest.raises(SpecError, match=r"Adam\.beta1 must be between 0 and 0\.999; got 2"):
        from_plain(Optimizer, {"kind": "adam", "beta1": 2})


@pytest.fixture
def sign_sgd(tmp_path, monkeypatch):
    """The optimizer that the documentation adds, saved where others are found."""
    page = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")
    code = re.search(r"sign_sgd\.py`:\n\n```python\n(.*?)```", page, re.DOTALL)[1]
    (tmp_path / "sign_sgd.py").write_text(code, "utf-8")
    monkeypatch.setattr(optimizers, "__path__", [*optimizers.__path__, str(tmp_path)])
    entries.cache_clear()
    yield find(Optimizer, "sign_sgd")
    entries.cache_clear()
    del sys.modules["landscape_core.training.optimizers.sign_sgd"]


def test_the_file_of_the_documentation_is_an_entry_of_everything(sign_sgd):
    assert "sign_sgd" in entries(Optimizer)
    scene = form_model.assign(Scene(), "run.optimizer", "sign_sgd")
    rows = {row.path: form_model.described(row) for row in form_model.rows(scene)}
    (option,) = [o for o in rows["run.optimizer"]["options"] if o["value"] == "sign_sgd"]
    assert option["label"] == "signSGD"
    assert rows["run.optimizer.learning_rate"]["value"] == 0.01
    assert "### `sign_sgd`: signSGD" in handbook.page({"optimizers": Optimizer})
    first, *_, last = train(Run(optimizer=sign_sgd(), steps=3))
    torch.testing.assert_close((last.theta - first.theta).abs().max(), torch.tensor(0.03))
    with pytest.raises(SpecError, match=r"SignSGD\.learning_rate"):
        sign_sgd(learning_rate=0.0)
