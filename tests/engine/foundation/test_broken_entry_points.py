"""Entry points that cannot be used are named in one warning, and break nothing else."""

import sys
import warnings

import pytest

import foreign
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import Entries, entries, find
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.sgd import SGD

HEAD = """
from dataclasses import dataclass
from typing import Annotated
from landscape_core import Optimizer
from landscape_core.foundation.recipes import Knob, Note

"""
METHODS = """
    def init(self, theta):
        return None

    def step(self, objective, theta, memory):
        return theta, memory
"""
FROZEN = "@dataclass(frozen=True, kw_only=True)\n"
RATE = '    rate: Annotated[float, Knob(0.0, 1.0, "step size")] = 0.1\n'
GOOD = HEAD + FROZEN + "class Mine(Optimizer[None]):\n    '''Mine.'''\n\n" + RATE + METHODS


@pytest.fixture
def package(tmp_path):
    with foreign.on_path(foreign.install(tmp_path)):
        yield tmp_path


@pytest.fixture
def offered(tmp_path):
    """A function that installs a package with one optimizer, `mine`, and gives the menu."""
    with foreign.on_path(tmp_path):

        def made(source, name="mine", value="theirs:Mine", package="theirs"):
            (tmp_path / "theirs.py").write_text(source)
            foreign.describe(tmp_path, package, {"landscape_lab.optimizers": {name: value}})
            foreign.forget()
            return Entries(Optimizer)  # what a function returns is looked through in tests

        yield made


FLAWS = {
    "an import that fails": ("import no_such_module_at_all\n", "ModuleNotFoundError: No module"),
    "a module that raises": ("1 / 0\n", "importing theirs fails with ZeroDivisionError"),
    "a module that exits": ("raise SystemExit(3)\n", "importing theirs fails with SystemExit: 3"),
    "a module that exits when looked at": (
        "def __getattr__(name):\n    raise SystemExit(4)\n",
        "looking at theirs:Mine fails with SystemExit: 4",
    ),
    "no such class": (GOOD.replace("class Mine", "class Other"), "theirs has no Mine"),
    "not a class": ("Mine = 3\n", "an object of type int, not a class"),
    "no subclass": ("class Mine:\n    pass\n", "Mine is no subclass of Optimizer"),
    "a missing method": (GOOD.replace("def step", "def move"), "Mine lacks the method step"),
    "no decorator": (
        GOOD.replace(FROZEN, ""),
        r"Mine lacks the decorator @dataclass\(frozen=True, kw_only=True\)",
    ),
    "a field without an annotation": (
        GOOD.replace("rate: Annotated[float, Knob(0.0, 1.0, \"step size\")]", "rate"),
        r"Mine\.rate has no annotation",
    ),
    "a field that says nothing": (
        GOOD.replace(RATE, "    rate: float = 0.1\n"),
        r"Mine\.rate needs Annotated\[type, Knob\|Choice\|Note\]",
    ),
    "a field that is not plain": (
        GOOD.replace(RATE, '    rate: Annotated[list, Note("rates")] = None\n'),
        r"Mine\.rate must be a plain value",
    ),
    "a range of text": (
        GOOD.replace("Annotated[float", "Annotated[str"), r"Mine\.rate has a Knob, which is for int"
    ),
    "no default": (GOOD.replace(" = 0.1", ""), r"Mine\.rate has no default value"),
    "a default outside its range": (
        GOOD.replace(" = 0.1", " = 7.0"), r"Mine\.rate must be between 0 and 1; got 7\.0"
    ),
    "a class defined elsewhere": (
        "from landscape_core.training.optimizers.sgd import SGD as Mine\n",
        "it must name the place where SGD is defined",
    ),
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_part_that_cannot_be_used_is_left_out_and_named_by_one_warning(flaw, offered):
    source, told = FLAWS[flaw]
    known = offered(source)
    with pytest.warns(
        UserWarning, match="This optimizer is left out: entry point 'mine'"
    ) as caught:
        listed = list(known)
    assert len(caught) == 1
    assert listed == list(known.shipped())
    assert "mine" not in known
    with warnings.catch_warnings(action="error"):
        assert list(known) == listed
        assert find(Optimizer, "sgd") is SGD
    with pytest.raises(SpecError, match=told) as raised:
        find(Optimizer, "mine")
    assert "entry point 'mine' of theirs 1.0 in landscape_lab.optimizers" in str(raised.value)


@pytest.mark.parametrize("name", ["Mine", "my-part", "my.part", "_mine", "class", "2nd"])
def test_a_name_that_is_no_lower_case_identifier_is_refused(name, offered):
    known = offered(GOOD, name=name)
    with pytest.warns(UserWarning, match="no lower-case identifier"):
        assert list(known) == list(known.shipped())
    with pytest.raises(SpecError, match="no lower-case identifier"):
        find(Optimizer, name)


def test_an_entry_point_names_a_class_in_a_module(offered):
    known = offered(GOOD, value="theirs")
    with pytest.warns(UserWarning, match="it names a module, not a class"):
        assert "mine" not in list(known)


def test_the_name_of_a_shipped_part_stays_its_own(offered):
    known = offered(GOOD, name="sgd")
    with pytest.warns(UserWarning, match="has the name of a part of Landscape Lab"):
        assert list(known) == list(known.shipped())
    assert find(Optimizer, "sgd") is SGD


def test_two_packages_with_one_name_are_both_named_and_neither_is_used(offered, tmp_path):
    offered(GOOD)
    known = offered(GOOD, package="others")
    with pytest.warns(UserWarning, match=r"several have this name: .*others 1\.0.*theirs 1\.0"):
        assert "mine" not in list(known)
    with pytest.raises(SpecError, match="several have this name"):
        find(Optimizer, "mine")


def test_one_class_has_one_name(offered, tmp_path):
    points = {"mine": "theirs:Mine", "other": "theirs:Mine"}
    (tmp_path / "theirs.py").write_text(GOOD)
    foreign.describe(tmp_path, "theirs", {"landscape_lab.optimizers": points})
    foreign.forget()
    with pytest.warns(UserWarning, match="Mine has the name 'mine' already"):
        assert list(entries(Optimizer))[-1] == "mine"


def test_damaged_metadata_of_one_package_hides_no_other(package):
    broken = package / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Name: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[landscape_lab.optimizers]\nno equals sign\n")
    foreign.forget()
    assert "signum" in entries(Optimizer)


@pytest.mark.parametrize(
    "name", ["os", "os:system", "theirs", "theirs:Mine", "foreign_parts.signum:Signum"]
)
def test_a_name_imports_nothing_but_what_an_entry_point_names(name, package):
    (package / "theirs.py").write_text("raise SystemError('imported')\n")
    with pytest.raises(SpecError, match="optimizer must be one of"):
        find(Optimizer, name)
    assert "theirs" not in sys.modules
