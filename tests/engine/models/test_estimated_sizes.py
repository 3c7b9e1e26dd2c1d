"""The size of a problem, found without building it, is that of the one that is built."""

import pytest
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.architectures.convnet import ConvNet
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.transformer import Transformer
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.network_size import operations_of, parameters_of
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.problems.base import Problem
from landscape_core.models.problems.supervised import Supervised

ARCHITECTURES = entries(Architecture)
GENERATED = [name for name, kind in entries(ProblemData).items() if not kind.place]
"""Data sets that are not in files."""


def numbers(network):
    return sum(one.numel() for one in (*network.parameters(), *network.buffers()))


def built(architecture, shape, outputs):
    return architecture.build(shape, outputs, random_streams.stream(0, "init"))


@pytest.mark.parametrize("shape", [(3,), (1, 8, 8)])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_is_counted_without_being_built(name, shape):
    architecture, outputs = ARCHITECTURES[name](), 1 if name == "two_layer_identity" else 3
    try:
        network = built(architecture, shape, outputs)
    except SpecError:
        with pytest.raises(SpecError):
            parameters_of(architecture, shape, outputs)
    else:
        assert parameters_of(architecture, shape, outputs) == numbers(network)


@pytest.mark.parametrize("name", entries(Normalization))
def test_every_normalization_is_counted(name):
    architecture = ConvNet(normalization=entries(Normalization)[name]())
    exact = numbers(built(architecture, (1, 8, 8), 2))
    # A reparametrization keeps another number for each unit.
    assert parameters_of(architecture, (1, 8, 8), 2) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("name", entries(Initialization))
def test_no_initialization_is_computed_for_the_count(name):
    architecture = MLP(initialization=entries(Initialization)[name](), width=4096, depth=100)
    assert parameters_of(architecture, (2,), 2) == pytest.approx(99 * 4096**2, rel=0.01)


@pytest.mark.parametrize("name", GENERATED)
def test_every_data_set_is_measured_without_being_built(name):
    kind = entries(ProblemData)[name]
    for data in (kind(), kind(points=700)):
        split, size = data.build(0), data.estimated_size()
        tensors = [t for part in (split.train, split.test) for t in (part.inputs, part.targets)]
        assert size.training == len(split.train.inputs)
        assert size.data == pytest.approx(sum(t.nbytes for t in tensors), rel=0.02)
        assert size.sample.input_shape == split.input_shape
        assert size.sample.classes == split.classes


@pytest.mark.parametrize("name", entries(Problem))
def test_every_problem_is_measured_without_being_built(name):
    problem = entries(Problem)[name]()
    size, instance = problem.estimated_size(), problem.build(0)
    assert size.parameters == instance.start.numel()
    assert size.examples == instance.train.examples


def test_operations_are_those_of_the_products():
    products = 2 * 16 + 16 * 16 + 16 * 3
    assert operations_of(MLP(), (2,), 3) == 2 * products


def test_operations_of_attention_count_every_token():
    assert operations_of(Transformer(), (8,), 2) > 8 * 2 * 2 * 12 * 16**2


def test_a_class_of_the_users_own_is_not_measured():
    class Own(MLP):
        def network(self, input_shape, outputs, rng):
            raise AssertionError("a price asks nothing of it")

    assert Supervised(architecture=Own()).estimated_size() is None
    assert torch.get_default_device() == torch.device("cpu")
