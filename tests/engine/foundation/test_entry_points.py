"""Parts of other packages: found by their entry points, and named where they cannot be used."""

import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import torch

import foreign
from landscape_core import landscape
from landscape_core.foundation import entry_points
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.kinds import base_of, packages_of_kinds
from landscape_core.foundation.recipes import is_own, name_of, to_plain
from landscape_core.foundation.registry import entries, find, from_plain, make
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.content_key import content_key
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.losses.base import Loss
from landscape_core.models.measures.base import Measure
from landscape_core.models.problems.supervised import Supervised
from landscape_core.models.regularizers.base import Regularizer
from landscape_core.planes.directions.base import Directions
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, train
from landscape_core.training.samplers.base import Sampler
from landscape_core.training.schedules.base import Schedule

PARTS = [(group, name) for group, named in foreign.declared().items() for name in named]
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


def kind_of(group):
    return base_of(group.removeprefix(entry_points.PREFIX))


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
            return entries(Optimizer)

        yield made


@pytest.mark.parametrize("kind", packages_of_kinds())
def test_every_kind_of_part_has_a_group_of_its_name(kind):
    assert entry_points.group_of(packages_of_kinds()[kind]) == f"landscape_lab.{kind}"


@pytest.mark.parametrize(("group", "name"), PARTS, ids=lambda part: part)
def test_a_part_of_a_package_is_found_by_its_name(group, name, package):
    base = kind_of(group)
    known = entries(base)
    assert name in known
    assert list(known)[-1] == name
    assert name not in known.shipped()
    kind = find(base, name)
    assert issubclass(kind, base)
    assert known.holds(kind)
    assert not is_own(kind)
    assert name_of(kind) == name
    assert from_plain(base, to_plain(kind())) == kind()
    told = known.described(name)
    assert told.label
    assert told.summary.endswith(".")
    assert told.origin == told.family == "from foreign-parts 1.0"


def test_a_package_is_imported_only_when_one_of_its_parts_is_asked_for(package):
    code = """
import sys
from landscape_core.foundation.registry import entries, find
from landscape_core.training.optimizers.base import Optimizer
assert "signum" not in entries(Optimizer).shipped()
find(Optimizer, "sgd")
print(*(name for name in sys.modules if name.startswith("foreign_parts")))
find(Optimizer, "signum")
print(*sorted(name for name in sys.modules if name.startswith("foreign_parts")))
"""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(package)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert told == ["", "foreign_parts foreign_parts.signum"]


@pytest.mark.parametrize("module", ["landscape_core", "landscape_lab.cli.main"])
def test_metadata_is_not_read_by_an_import(module):
    code = f"import sys, {module}; print('importlib.metadata' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_an_optimizer_of_a_package_trains_by_its_formula(package):
    whole = Run(
        optimizer=make(Optimizer, "signum", momentum=0.5),
        batch_size=300,
        steps=3,
        dtype="float64",
    )
    states = list(train(whole))
    problem = whole.problem.build(whole.seed, dtype=torch.float64)
    theta, m = problem.start, torch.zeros_like(problem.start)
    for state in states[1:]:
        m = 0.5 * m + 0.5 * problem.train.gradient(theta)
        theta = theta - 0.01 * m.sign()
        torch.testing.assert_close(state.theta, theta, rtol=0, atol=1e-14)


def test_the_parts_of_a_package_agree_with_independent_references(package):
    board = make(ProblemData, "checkerboard", squares=4).build(0)
    x = board.train.inputs.numpy()
    black = (np.digitize(x[:, 0], [-1, 0, 1]) + np.digitize(x[:, 1], [-1, 0, 1])) % 2
    assert (board.train.targets.numpy() == black).all()
    loss = make(Loss, "generalized_cross_entropy", q=0.5)
    z = torch.tensor([[0.0, np.log(3.0)], [np.log(4.0), 0.0]], dtype=torch.float64)
    right = torch.tensor([0.25, 0.2], dtype=torch.float64)
    torch.testing.assert_close(loss(z, torch.tensor([0, 1])), 2 * (1 - right.sqrt()))
    assert float(find(Measure, "confidence")().read(z, None)) == pytest.approx((0.75 + 0.8) / 2)
    schedule = make(Schedule, "polynomial", power=2.0)
    assert [schedule.factor(k, 4) for k in range(4)] == [1, 0.5625, 0.25, 0.0625]
    network = make(Architecture, "maxout", width=3).build((2,), 2, torch.Generator()).double()
    first, last = network[1].linear, network[2]
    hidden = (board.test.inputs @ first.weight.T + first.bias).view(-1, 3, 2).max(-1).values
    torch.testing.assert_close(
        network(board.test.inputs), hidden @ last.weight.T + last.bias, rtol=1e-12, atol=1e-12
    )


def test_a_run_of_foreign_parts_alone_gives_a_slice(package):
    problem = Supervised(
        dataset=make(ProblemData, "checkerboard", points=40),
        architecture=make(Architecture, "maxout", width=4),
        loss=make(Loss, "generalized_cross_entropy"),
        regularizer=make(Regularizer, "l1"),
    )
    run = Run(
        problem=problem,
        optimizer=make(Optimizer, "signum"),
        schedule=make(Schedule, "polynomial"),
        sampler=make(Sampler, "sequential"),
        batch_size=16,
        steps=5,
        dtype="float64",
    )
    *_, last = train(run)
    assert last.index == 5
    instance = problem.build(0, dtype=torch.float64)
    theta = instance.start
    expected = problem.loss(instance.train.outputs(theta), instance.train.targets).mean()
    torch.testing.assert_close(instance.train.loss(theta), expected, rtol=1e-12, atol=0)


def test_foreign_directions_and_measures_are_read_where_they_are_named(package):
    net = torch.nn.Linear(2, 3).double()
    x = torch.linspace(-1, 1, 20, dtype=torch.float64).view(10, 2)
    y = torch.arange(10) % 3
    given = make(Directions, "coordinates", first=1, second=4)
    named = {"confidence": find(Measure, "confidence")()}
    found = landscape(
        net, torch.nn.functional.cross_entropy, (x, y), directions=given, measures=named,
        resolution=3,
    )  # fmt: skip
    moved = torch.nn.Linear(2, 3).double()
    moved.load_state_dict(net.state_dict())
    with torch.no_grad():
        moved.weight[0, 1] += float(found["alpha"][2])
        moved.weight[2, 0] += float(found["beta"][0])
        expected = moved(x).softmax(-1).max(-1).values.mean()
    at = found.isel(alpha=2, beta=0, split=0)
    assert float(at["confidence"]) == pytest.approx(float(expected), rel=1e-10)
    usual = landscape(net, torch.nn.functional.cross_entropy, (x, y), resolution=3)
    assert "confidence" not in usual


FLAWS = {
    "an import that fails": ("import no_such_module_at_all\n", "ModuleNotFoundError: No module"),
    "a module that raises": ("1 / 0\n", "importing theirs fails with ZeroDivisionError"),
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


KEYS = """
import sys
sys.path.insert(0, sys.argv[1])
from landscape_core.foundation.kinds import base_of
from landscape_core.foundation.registry import find
from landscape_core.models.content_key import content_key
for part in sys.argv[2:]:
    kind, name = part.split(".")
    print(content_key(find(base_of(kind), name)()))
"""


def keys(folder):
    parts = [f"{group.removeprefix(entry_points.PREFIX)}.{name}" for group, name in PARTS]
    told = subprocess.run(
        [sys.executable, "-c", KEYS, str(folder), *parts],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(parts, told.stdout.split(), strict=True))


def test_the_code_of_a_foreign_part_is_in_its_key(tmp_path):
    """In another process and folder it is the same; where a line of it is edited, another."""
    one, two = tmp_path / "one", tmp_path / "two"
    foreign.install(one)
    shutil.copytree(one, two)
    before = keys(one)
    assert len(set(before.values())) == len(PARTS)
    assert keys(two) == before
    place = two / "foreign_parts" / "signum.py"
    place.write_text(place.read_text().replace("* m.sign()", "* m"))
    after = keys(two)
    assert {part for part in before if before[part] != after[part]} == {"optimizers.signum"}


def test_a_foreign_part_crosses_a_process_border(package, tmp_path):
    recipe = make(Optimizer, "signum", learning_rate=0.5)
    file = tmp_path / "recipe.pkl"
    file.write_bytes(cloudpickle.dumps(recipe))
    code = (
        f"import sys, pickle, pathlib; sys.path.append({str(package)!r})\n"
        f"print(pickle.loads(pathlib.Path({str(file)!r}).read_bytes()))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == repr(recipe)
    assert content_key(recipe) == content_key(cloudpickle.loads(file.read_bytes()))


def test_the_kinds_are_the_packages_with_a_base():
    for name, package in packages_of_kinds().items():
        base = base_of(name)
        assert base.__module__ == f"{package}.base"
        assert len(entries(base)) > 0
    with pytest.raises(SpecError, match=r"the kind of parts must be one of .*optimizers"):
        base_of("optimisers")
    assert Path(foreign.SOURCE, "pyproject.toml").is_file()
