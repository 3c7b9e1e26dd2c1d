"""Loaders of more data than memory, and how much is read of a loader."""

import itertools
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
)

import cases
from landscape_core.analysis.convexity_of_model import convexity
from landscape_core.curvature.spectrum_of_model import spectrum
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import free_memory
from landscape_core.models import batch_reading
from landscape_core.models.batch_reading import known_examples
from landscape_core.models.batches import pairs_of
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.slices.one_call import landscape

FEW = {"resolution": 3, "span": 0.5}
MEGABYTE = 10**6
COUNT = itertools.count(1)


class Many(Dataset):
    """Examples of 4 kB each, which counts how many were read."""

    def __init__(self, size=100_000):
        self.size, self.read = size, 0

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        self.read += 1
        return torch.full((1024,), index / self.size), index % 3


class Stream(IterableDataset):
    def __iter__(self):
        return (Many()[index] for index in itertools.count())


def network():
    torch_model = nn.Linear(1024, 3)
    with torch.no_grad():
        for number, parameter in enumerate(torch_model.parameters()):
            parameter.copy_(cases.normal(*parameter.shape, seed=number))
    return torch_model


def small():
    """A network of few parameters for the same inputs."""
    return nn.Sequential(nn.AvgPool1d(256), nn.Linear(4, 3))


@pytest.fixture
def little(monkeypatch):
    """As if 100 MB were free."""
    monkeypatch.setattr(batch_reading, "free_memory", lambda: 100 * MEGABYTE)


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_of_more_than_memory_that_is_not_streamed_is_refused_after_its_first_batch(
    workers,
):
    data = Many()
    loader = DataLoader(data, batch_size=100, num_workers=workers)
    told = r"82. MB are needed .* 100 MB are free\. Give max_examples=, .*Subset.*'100000 examples'"
    with pytest.raises(SpecError, match=told) as caught:
        landscape(network(), cross_entropy, loader, stream=False, **FEW)
    assert caught.value.field == "data"
    assert data.read <= 100


@pytest.mark.usefixtures("little")
def test_the_second_part_of_the_data_is_refused_by_its_own_name():
    pair, test = (torch.zeros(4, 1024), torch.arange(4) % 3), DataLoader(Many(), batch_size=100)
    with pytest.raises(SpecError, match=r"^test must be no more than memory holds"):
        landscape(network(), cross_entropy, pair, test=test, stream=False, **FEW)


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize(
    "endless",
    [
        lambda: DataLoader(Stream(), batch_size=500),
        lambda: (
            (torch.full((500, 1024), i / 9), torch.arange(500) % 3) for i in itertools.count()
        ),
    ],
    ids=["iterable", "generator"],
)
def test_a_loader_without_an_end_is_read_until_memory_is_used(endless):
    with pytest.raises(SpecError, match=r"memory holds: 1\d\d MB .* got '\d+ examples and more'"):
        landscape(network(), cross_entropy, endless(), **FEW)
    found = landscape(network(), cross_entropy, endless(), max_examples=700, **FEW)
    assert found.attrs["examples"] == [700]


@pytest.mark.usefixtures("little")
def test_the_batches_of_an_objective_fit_into_memory_too():
    with pytest.raises(SpecError, match="no more than memory holds"):
        landscape(
            network(), objective=lambda m, b: m(b[0]).sum(), data=DataLoader(Many(), batch_size=100)
        )


def test_single_tensors_without_an_end_are_refused_at_once():
    began = time.perf_counter()
    with pytest.raises(SpecError, match="a batch that is a Tensor"):
        landscape(network(), cross_entropy, (torch.zeros(4, 1024) for _ in itertools.count()))
    assert time.perf_counter() - began < 5


@pytest.mark.usefixtures("little")
def test_as_many_examples_are_read_as_are_asked_for():
    data = Many()
    loader = DataLoader(data, batch_size=100)
    found = landscape(network(), cross_entropy, loader, max_examples=250, **FEW)
    assert data.read == 300
    assert found.attrs["examples"] == [250]
    whole = [torch.stack([data[i][0] for i in range(250)]), torch.arange(250) % 3]
    expected = landscape(network(), cross_entropy, whole, **FEW)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-6)
    data.read = 0
    landscape(network(), cross_entropy, loader, max_examples=200, **FEW)
    assert data.read == 200
    with pytest.raises(SpecError, match=r"41. MB are needed .*'50000 examples'"):
        landscape(network(), cross_entropy, loader, max_examples=50_000, stream=False, **FEW)


def test_directions_of_the_data_are_those_of_all_examples_as_before():
    data = Many(400)
    loader = DataLoader(data, batch_size=100)
    few = landscape(network(), cross_entropy, loader, max_examples=50, directions=Gradient(), **FEW)
    assert data.read == 400
    whole = landscape(network(), cross_entropy, loader, directions=Gradient(), **FEW)
    np.testing.assert_array_equal(few["plane_axes"], whole["plane_axes"])
    assert few.attrs["examples"] == [50]


def summed(outputs, targets):
    return cross_entropy(outputs, targets, reduction="sum")


def test_a_sum_over_the_first_examples_is_said_to_be_none_of_all():
    loader = DataLoader(Many(400), batch_size=100)
    with pytest.warns(UserWarning, match="of the loss of 150 of 400 examples, and no estimate"):
        landscape(network(), summed, loader, max_examples=150, **FEW)
    stream = ((torch.full((50, 1024), i / 9), torch.arange(50) % 3) for i in range(9))
    with pytest.warns(UserWarning, match="of the loss of 150 of an unknown number of examples"):
        landscape(network(), summed, stream, max_examples=150, **FEW)


def test_a_spectrum_states_of_how_many_examples_it_is():
    data = Many(400)
    loader = DataLoader(data, batch_size=100)
    found = spectrum(network(), cross_entropy, loader, max_examples=100, top=1, bottom=0, probes=0)
    assert data.read == 100
    assert (found.attrs["examples"], found.attrs["examples_of"]) == (100, 400)
    stream = (batch for batch in loader)
    found = spectrum(network(), cross_entropy, stream, max_examples=100, top=1, bottom=0, probes=0)
    assert found.attrs["examples"] == 100
    assert "examples_of" not in found.attrs


def test_convexity_reads_all_examples_only_for_directions_of_the_data():
    data = Many(40)
    loader = DataLoader(data, batch_size=10)
    more = {"max_examples": 10, "resolution": 3, "dimensions": 1}
    found = convexity(small(), cross_entropy, loader, **more)
    assert data.read == 10
    assert (found.attrs["examples"], found.attrs["examples_of"]) == (10, 40)
    data.read = 0
    convexity(small(), cross_entropy, loader, directions=Gradient(), **more)
    assert data.read == 40


def test_the_number_of_examples_of_a_loader_is_known_where_it_is_its_samplers():
    data = TensorDataset(torch.zeros(10, 2))
    assert known_examples(DataLoader(data, batch_size=4)) == 10
    assert known_examples(DataLoader(data, batch_size=4, drop_last=True)) == 8
    assert known_examples(DataLoader(Subset(data, range(3)), batch_size=4)) == 3
    assert known_examples(DataLoader(data, sampler=RandomSampler(data, num_samples=6))) == 6
    own = BatchSampler(SequentialSampler(data), 4, drop_last=True)
    assert known_examples(DataLoader(data, batch_sampler=own)) == 8
    assert known_examples(DataLoader(Stream())) is None
    assert known_examples(iter([])) is None
    for loader in (DataLoader(data, batch_size=4), DataLoader(data, batch_sampler=own)):
        assert known_examples(loader) == sum(len(batch[0]) for batch in loader)


def test_pairs_are_cut_within_the_last_batch_that_is_needed():
    stream = ((torch.full((4, 2), i), torch.full((4,), i)) for i in range(5))
    found = pairs_of("data", stream, most=6)
    assert [len(inputs) for inputs, _ in found] == [4, 2]
    assert [int(inputs[0, 0]) for inputs, _ in found] == [0, 1]
    assert next(stream)[0][0, 0] == 2


LIMITED = """
import resource, psutil, torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from landscape_core import landscape
from landscape_core.foundation.memory import free_memory

class Many(Dataset):
    def __len__(self): return 6300
    def __getitem__(self, index): return torch.full((3, 64, 64), index % 7 / 7), index % 3

net = nn.Sequential(nn.Flatten(), nn.Linear(12288, 3))
limit = psutil.Process().memory_info().vms + 300_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
assert free_memory() <= 300_000_000
loss = nn.CrossEntropyLoss()
found = landscape(net, loss, DataLoader(Many(), batch_size=200), resolution=3)
print(found.attrs["passes"], found.attrs["examples"])
with torch.no_grad():
    values = [loss(net(torch.full((3, 3, 64, 64), i / 7)), torch.arange(3)) for i in range(7)]
print(abs(found["loss"].values[0, 1, 1] - float(sum(values)) / 7) < 1e-3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the address space is of Unix")
def test_data_larger_than_a_limit_of_the_address_space_are_streamed():
    assert free_memory() > 0
    told = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True, timeout=100
    ).stdout
    assert told.split("\n")[:2] == ["[1] [6300]", "True"]
