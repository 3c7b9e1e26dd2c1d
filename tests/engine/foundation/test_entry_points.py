"""Parts of other packages are found by their entry points and compute what they say."""

import shutil
import subprocess
import sys
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
from landscape_core.training.run import Run, train
from landscape_core.training.samplers.base import Sampler
from landscape_core.training.schedules.base import Schedule

PARTS = [(group, name) for group, named in foreign.declared().items() for name in named]


def kind_of(group):
    return base_of(group.removeprefix(entry_points.PREFIX))


@pytest.fixture
def package(tmp_path):
    with foreign.on_path(foreign.install(tmp_path)):
        yield tmp_path


@pytest.mark.parametrize("kind", packages_of_kinds())
def test_every_kind_of_part_has_a_group_of_its_name(kind):
    assert entry_points.group_of(packages_of_kinds()[kind]) == f"landscape_lab.{kind}"


@pytest.mark.parametrize(("group", "name"), PARTS, ids=lambda part: part)
def test_a_part_of_a_package_is_found_by_its_name(group, name, package):
    base = kind_of(group)
    known = entries(base)
    shipped = known.shipped()
    assert name in known
    assert name not in shipped
    assert list(known).index(name) >= len(shipped)  # after ours; a test may have defined others
    kind = find(base, name)
    assert issubclass(kind, base)
    assert known.holds(kind)
    assert not is_own(kind)
    assert name_of(kind) == name
    assert from_plain(base, to_plain(kind())) == kind()
    told = known.described(name)
    assert told.label
    assert told.summary.endswith(".")
    assert told.origin == "from foreign-parts 1.0"
    assert told.family == (vars(kind).get("family") or told.origin)


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


def test_a_run_may_have_foreign_parts_alone(package):
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


@pytest.mark.exhaustive
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
