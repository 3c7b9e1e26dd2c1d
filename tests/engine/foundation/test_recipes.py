"""A recipe is checked when made, keeps its meaning through JSON, and names its content."""

import importlib
import inspect
import json
import math
import pickle
import pkgutil
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, field
from importlib.util import find_spec
from typing import Annotated

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import landscape_core
from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import (
    Choice,
    Knob,
    Note,
    Recipe,
    canonical,
    fields_of,
    label_of,
    name_of,
    summary_of,
    to_plain,
    unlike,
)
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.models.architectures.convnet import ConvNet
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.content_key import content_key
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.adam import Adam


@dataclass(frozen=True, kw_only=True)
class Inner(Recipe):
    """A recipe within a recipe."""

    size: Annotated[int, Knob(0, 2**31 - 1, "how large it is")] = 3


@dataclass(frozen=True, kw_only=True)
class Sample(Recipe):
    """One field of every sort."""

    rate: Annotated[float, Knob(-1.0, 1.0, "how fast it goes")] = 0.1
    count: Annotated[int, Knob(1, 100_000_000, "how many there are", scale="log")] = 5
    colour: Annotated[str, Choice(("red", "green"), "what it looks like")] = "red"
    mirrored: Annotated[bool, Note("left for right")] = False
    title: Annotated[str, Note("what it is called")] = ""
    inner: Annotated[Inner, Note("what is inside")] = field(default_factory=Inner)


SAMPLES = st.builds(
    Sample,
    rate=st.floats(-1.0, 1.0),
    count=st.integers(1, 100_000_000),
    colour=st.sampled_from(["red", "green"]),
    mirrored=st.booleans(),
    title=st.text(),
    inner=st.builds(Inner, size=st.integers(0, 2**31 - 1)),
)
OTHERS = {
    "rate": 0.2,
    "count": 6,
    "colour": "green",
    "mirrored": True,
    "title": "x",
    "inner": Inner(size=4),
}


def test_it_says_what_is_wrong_and_what_would_be_right():
    with pytest.raises(SpecError) as caught:
        Sample(rate=1.5)
    assert str(caught.value) == "Sample.rate must be between -1 and 1; got 1.5."
    assert (caught.value.field, caught.value.value) == ("Sample.rate", 1.5)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, LandscapeError)


def test_an_error_crosses_a_process_border():
    with pytest.raises(SpecError) as caught:
        Sample(count=0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.field, again.value) == (str(caught.value), "Sample.count", 0)


@pytest.mark.parametrize("bad", [-1.01, 1.01, math.nan, math.inf, -math.inf, 10**400])
def test_a_number_outside_its_range_is_refused(bad):
    with pytest.raises(SpecError, match=r"Sample\.rate must be between -1 and 1"):
        Sample(rate=bad)


@pytest.mark.parametrize("bad", [0, -(10**400), 100_000_001])
def test_the_bounds_of_an_integer_are_told_to_the_last_digit(bad):
    with pytest.raises(SpecError, match=r"Sample\.count must be between 1 and 100000000"):
        Sample(count=bad)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("rate", "fast"),
        ("rate", None),
        ("rate", True),
        ("rate", 1j),
        ("count", True),
        ("count", 2.0),
        ("count", np.float64(2.0)),
        ("count", np.array([2, 3])),
        ("count", torch.tensor([2, 3])),
        ("rate", [0.1]),
        ("mirrored", 1),
        ("mirrored", "yes"),
        ("title", 3),
        ("inner", {"size": 3}),
        ("inner", Sample),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(name, bad):
    with pytest.raises(SpecError, match=rf"^Sample\.{name} must be of type"):
        Sample(**{name: bad})


def test_an_unknown_choice_is_told_what_there_is():
    with pytest.raises(SpecError, match=r"Sample\.colour must be one of red, green; got 'blue'"):
        Sample(colour="blue")


def test_the_ends_of_a_range_belong_to_it():
    assert (Sample(rate=-1.0).rate, Sample(rate=1.0).rate) == (-1.0, 1.0)
    assert (Sample(count=1).count, Sample(count=100_000_000).count) == (1, 100_000_000)


@pytest.mark.parametrize(
    ("name", "given_", "kept"),
    [
        ("rate", 1, 1.0),
        ("rate", np.float32(0.5), 0.5),
        ("rate", np.int64(1), 1.0),
        ("rate", np.array(0.5), 0.5),
        ("rate", torch.tensor(0.5), 0.5),
        ("count", np.int64(7), 7),
        ("count", torch.tensor(7), 7),
        ("mirrored", np.True_, True),
        ("colour", np.str_("green"), "green"),
    ],
)
def test_scalars_of_other_libraries_become_plain_values(name, given_, kept):
    value = getattr(Sample(**{name: given_}), name)
    assert type(value) is type(kept)
    assert value == kept
    assert content_key(Sample(**{name: given_})) == content_key(Sample(**{name: kept}))


def test_a_recipe_cannot_be_changed_but_replaced():
    sample = Sample()
    with pytest.raises(FrozenInstanceError):
        sample.rate = 0.3
    assert sample.replace(rate=0.3) == Sample(rate=0.3)
    assert sample == Sample()
    with pytest.raises(SpecError, match="rate"):
        sample.replace(rate=3.0)


@pytest.mark.parametrize("name", OTHERS)
def test_every_field_changes_the_key(name):
    assert content_key(Sample(**{name: OTHERS[name]})) != content_key(Sample())


def test_no_field_is_left_out_of_that_test():
    assert [f.name for f in fields_of(Sample)] == list(OTHERS)


@given(SAMPLES, SAMPLES)
def test_recipes_are_equal_just_when_their_keys_are(one, other):
    assert (one == other) == (content_key(one) == content_key(other))


@given(SAMPLES)
def test_json_gives_the_recipe_back(sample):
    assert from_plain(Sample, json.loads(json.dumps(to_plain(sample)))) == sample
    assert from_plain(Sample, json.loads(canonical(to_plain(sample)))) == sample


def test_zero_has_one_key_whatever_its_sign():
    assert content_key(Sample(rate=-0.0)) == content_key(Sample(rate=0.0))


def test_the_kind_and_what_is_asked_are_part_of_the_key():
    assert content_key("loss", Sample()) != content_key("accuracy", Sample())
    assert content_key(Sample(), Inner()) != content_key(Inner(), Sample())
    assert content_key(Inner()) != content_key(Sample())
    assert len(content_key()) == 40


def test_the_key_is_the_same_in_another_process():
    code = (
        "from landscape_core.models.content_key import content_key\n"
        "from landscape_core.training.optimizers.adam import Adam\n"
        "print(content_key(Adam(learning_rate=0.3)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == content_key(Adam(learning_rate=0.3))


def test_the_key_depends_on_the_version_of_the_engine(monkeypatch):
    before = content_key(Sample())
    monkeypatch.setattr("landscape_core.foundation.recipes.ENGINE_VERSION", 10**6)
    assert content_key(Sample()) != before


def test_plain_form_holds_the_kind_and_every_field():
    assert to_plain(Sample()) == {
        "kind": "Sample",
        "rate": 0.1,
        "count": 5,
        "colour": "red",
        "mirrored": False,
        "title": "",
        "inner": {"kind": "Inner", "size": 3},
    }


def test_canonical_form_does_not_depend_on_the_order():
    assert canonical({"b": 1, "a": [2.5, None]}) == canonical({"a": [2.5, None], "b": 1})
    with pytest.raises(ValueError, match="JSON"):
        canonical(math.nan)


def test_rules_between_fields_are_checked_too():
    @dataclass(frozen=True, kw_only=True)
    class Ordered(Recipe):
        """Two numbers in order."""

        low: Annotated[int, Knob(0, 9, "the smaller one")] = 1
        high: Annotated[int, Knob(0, 9, "the larger one")] = 2

        def check(self):
            if self.low > self.high:
                raise SpecError("Ordered.low", self.low, f"at most high, {self.high}")

    assert Ordered(low=2).low == 2
    with pytest.raises(SpecError, match=r"Ordered\.low must be at most high, 2; got 3"):
        Ordered(low=3)


def test_a_field_that_says_nothing_about_itself_is_refused():
    @dataclass(frozen=True, kw_only=True)
    class Silent(Recipe):
        """A field without its meaning."""

        size: int = 3

    with pytest.raises(TypeError, match=r"Silent\.size needs Annotated"):
        Silent()


@pytest.mark.parametrize("kind", [list, dict, tuple, int | None, list[int]])
def test_a_field_that_json_would_not_give_back_is_refused(kind):
    @dataclass(frozen=True, kw_only=True)
    class Strange(Recipe):
        """A field that is no plain value."""

        items: Annotated[kind, Note("what there is")] = None

    with pytest.raises(TypeError, match=r"Strange\.items must be a plain value"):
        Strange()


def test_fields_describe_themselves_to_a_form():
    rate, count, *_ = fields_of(Sample)
    assert (rate.name, rate.type, rate.default, rate.help) == (
        "rate",
        float,
        0.1,
        "how fast it goes",
    )
    assert (count.mark.low, count.mark.high, count.mark.scale) == (1, 100_000_000, "log")
    assert fields_of(Sample)[-1].default == Inner()
    assert (label_of(Sample), name_of(Sample)) == ("Sample", "Sample")
    assert summary_of(Sample) == "One field of every sort."


# Every recipe of the laboratory, found as the catalogue finds it.


def bases():
    """The base class of every package of the engine, the topmost of its module."""
    for package in pkgutil.walk_packages(landscape_core.__path__, "landscape_core."):
        if package.ispkg:
            if find_spec(f"{package.name}.base") is None:
                continue  # no catalogue
            module = importlib.import_module(f"{package.name}.base")
            yield from (
                cls
                for _, cls in inspect.getmembers(module, inspect.isabstract)
                if issubclass(cls, Recipe)
                and [one for one in cls.__mro__ if one.__module__ == module.__name__] == [cls]
            )


BASES = list(bases())
ALL = [
    pytest.param(base, kind, id=f"{base.__name__}-{name}")
    for base in BASES
    for name, kind in entries(base).items()
]


def others(described):
    """Values of a field other than its default."""
    mark, default = described.mark, described.default
    if isinstance(default, Recipe):
        kinds = entries(described.type).values() if inspect.isabstract(described.type) else []
        candidates = [kind() for kind in kinds]
    elif isinstance(mark, Choice):
        candidates = mark.options
    elif isinstance(mark, Knob):
        candidates = [mark.low, mark.high, default + 1, default / 2]
    else:
        candidates = [not default] if described.type is bool else [default + "x", "x, y"]
    return [value for value in candidates if value != default]


def changed(recipe, described):
    """The recipe with another value in one field, as far as its rules allow one."""
    for value in others(described):
        try:
            return recipe.replace(**{described.name: value})
        except SpecError:
            continue
    return None


def test_every_package_has_a_base_and_something_in_it():
    assert {"Optimizer", "Problem", "ProblemData", "Architecture"} <= {b.__name__ for b in BASES}
    assert all(len(entries(base)) > 0 for base in BASES)


@pytest.mark.parametrize(("base", "kind"), ALL)
def test_every_recipe_comes_back_from_its_document(base, kind):
    recipe = kind()
    assert from_plain(base, json.loads(json.dumps(to_plain(recipe)))) == recipe
    assert from_plain(base, {"kind": name_of(kind)}) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert hash(recipe) == hash(kind())


@pytest.mark.parametrize(("base", "kind"), ALL)
def test_every_field_of_every_recipe_changes_the_key(base, kind):
    recipe = kind()
    for described in fields_of(kind):
        other = changed(recipe, described)
        if not others(described):  # the only choice there is
            continue
        assert other is not None, described.name
        assert content_key(other) != content_key(recipe), described.name
        assert from_plain(base, json.loads(json.dumps(to_plain(other)))) == other


@pytest.mark.parametrize(("base", "kind"), ALL)
def test_every_recipe_explains_itself(base, kind):
    assert summary_of(kind)
    assert label_of(kind)
    assert all(described.help for described in fields_of(kind))


def test_what_two_recipes_differ_in_is_named():
    wide = Supervised(architecture=MLP(width=7, normalization=Batch()))
    told = "architecture.width 7, not 16; architecture.normalization batch, not none"
    assert unlike(wide, Supervised()) == told
    told = unlike(Supervised(architecture=ConvNet()), Supervised())
    assert told.startswith("architecture convnet, not mlp; ")
    assert "architecture.channels 16" in told.split("; ")  # which the other has not
    assert unlike(Supervised(), Supervised()) == "equal"
