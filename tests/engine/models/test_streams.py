"""Data that are read in passes: what is compared between these, and how they end."""

import itertools

import pytest
import torch

import cases
from landscape_core.foundation.errors import SpecError
from landscape_core.models.batch_reading import StreamedError, read
from landscape_core.models.example_digest import ExampleDigest
from landscape_core.models.streams import Stream

X, Y = cases.normal(20, 3), torch.arange(20)


def digest(inputs, targets, sizes=(20,)):
    found = ExampleDigest()
    for pair in zip(inputs.split(sizes), targets.split(sizes), strict=True):
        found.add(*pair)
    return found.examples, found.value


def test_a_digest_depends_on_no_order_and_no_batches():
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    assert digest(X, Y) == digest(X[order], Y[order], (7, 13))
    assert digest(X.bfloat16(), Y > 3) == digest(X.bfloat16()[order], (Y > 3)[order])


@pytest.mark.parametrize("bit", range(0, 64, 7))
def test_a_digest_changes_with_each_bit(bit):
    other = X.clone()
    other.view(torch.int64)[5, 1] ^= 1 << bit if bit < 63 else -(1 << 63)
    assert digest(other, Y) != digest(X, Y)


def test_a_digest_knows_which_target_is_of_which_input():
    other = Y.clone()
    other[[0, 1]] = Y[[1, 0]]
    assert digest(X, other) != digest(X, Y)
    twice = X[[0, 0, *range(2, 20)]]
    assert digest(twice, Y) != digest(X, Y)
    assert digest(X.T.contiguous().T, Y) == digest(X, Y)


def begun(data, most=None):
    """A stream over data, begun as for a slice."""
    with pytest.raises(StreamedError) as caught:
        read("data", data, None, lambda number, batch: None, stream=True)
    return Stream("data", data, caught.value.begun, lambda batch: batch, most)


class Loader:
    """Batches that count the passes over them and those that were left open."""

    def __init__(self):
        self.begun = self.ended = 0

    def __iter__(self):
        self.begun += 1
        try:
            yield from zip(X.split(6), Y.split(6), strict=True)
        finally:
            self.ended += 1


def test_the_first_batch_belongs_to_the_first_pass():
    loader = Loader()
    stream = begun(loader)
    assert torch.equal(stream.first()[0], X[:6])
    assert torch.equal(stream.first()[1], Y[:6])
    assert torch.equal(torch.cat([inputs for inputs, _ in stream.batches()]), X)
    assert (loader.begun, loader.ended, stream.passes, stream.examples) == (1, 1, 1, 20)
    assert sum(len(inputs) for inputs, _ in stream.batches()) == 20
    assert (loader.begun, loader.ended, stream.passes) == (2, 2, 2)


def test_a_pass_that_is_given_up_is_closed_and_counts_no_examples():
    loader = Loader()
    stream = begun(loader)
    for _ in itertools.islice(stream.batches(), 2):
        pass
    assert (loader.begun, loader.ended, stream.examples) == (1, 1, None)
    stream = begun(loader)
    stream.close()
    assert loader.ended == 2


def test_a_pass_ends_within_the_batch_that_is_needed_last():
    stream = begun(Loader(), most=8)
    assert [len(inputs) for inputs, _ in stream.batches()] == [6, 2]
    assert [len(inputs) for inputs, _ in stream.batches()] == [6, 2]
    assert stream.examples == 8


def test_a_generator_of_the_callers_is_left_open():
    batches = iter(Loader())
    stream = begun(batches)
    next(stream.batches())
    stream.close()
    assert torch.equal(next(batches)[0], X[6:12])
    with pytest.raises(SpecError, match="can be read more than once"):
        stream.check_again()
