"""Other threads of the process go on while a slice is computed, and slices do beside each other."""

import threading

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cases import filled
from landscape_core import landscape

CALLS = 2000


class Written(nn.Module):
    """A network whose layers are found by tracing its forward."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, inputs):
        return self.two(torch.tanh(self.one(inputs)))


def data():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(40, 4, generator=rng).double(), torch.randint(3, (40,), generator=rng)


def computed_slice():
    return landscape(filled(Written()), cross_entropy, data(), resolution=5)


def all_in_threads(*works):
    """What each gives, one thread each; the first error is raised here."""
    found, errors = {}, []

    def run(number, work):
        try:
            found[number] = work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=one) for one in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error
    return [found[number] for number in range(len(works))]


def test_another_network_is_called_while_slices_are_computed():
    other, inputs = filled(Written()), data()[0]
    expected = other(inputs)
    done = threading.Event()

    def called():
        count = 0
        while count < CALLS or not done.is_set():
            assert torch.equal(other(inputs), expected)
            count += 1
        return count

    def several():
        try:
            return [computed_slice() for _ in range(8)]
        finally:
            done.set()

    slices, count = all_in_threads(several, called)
    assert count >= CALLS
    assert len(slices) == 8


def test_slices_are_computed_beside_each_other():
    expected = computed_slice()["loss"]
    for one in all_in_threads(*[computed_slice] * 4):
        np.testing.assert_allclose(one["loss"], expected, rtol=1e-10)
