"""Every purpose has its own stream of random numbers, the same everywhere."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from landscape_core.foundation import random_streams

NAMES = st.lists(st.one_of(st.integers(), st.text(max_size=5)), max_size=3)
STREAMS = st.tuples(st.integers(-(2**40), 2**80), NAMES)


def draw(seed, *names):
    return torch.randint(2**62, (2,), generator=random_streams.stream(seed, *names)).tolist()


def draw_numpy(seed, *names):
    return random_streams.numpy_stream(seed, *names).integers(2**62, size=2).tolist()


@pytest.mark.parametrize("drawn", [draw, draw_numpy])
@given(STREAMS, STREAMS)
def test_streams_are_equal_just_when_their_names_are(drawn, one, other):
    assert (drawn(one[0], *one[1]) == drawn(other[0], *other[1])) == (one == other)
    assert drawn(one[0], *one[1]) == drawn(one[0], *one[1])


@pytest.mark.parametrize("drawn", [draw, draw_numpy])
def test_near_seeds_and_like_names_give_different_numbers(drawn):
    names = [
        (0,),
        (1,),
        (0, 0),
        (0, 1),
        (0, "1"),
        (0, "a"),
        (0, "a", "b"),
        (0, "ab"),
        (0, "b", "a"),
    ]
    assert len({tuple(drawn(*name)) for name in names}) == len(names)


def test_the_scalars_of_numpy_name_the_same_stream():
    assert draw(np.int64(3), "batches", np.int32(2)) == draw(3, "batches", 2)
    assert draw_numpy(np.int64(3), np.str_("noise")) == draw_numpy(3, "noise")


def test_another_process_draws_the_same():
    code = (
        "import test_random_streams as t; print(t.draw(5, 'start', 2), t.draw_numpy(5, 'start', 2))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=__file__.rpartition("/")[0],
    ).stdout
    assert printed.strip() == f"{draw(5, 'start', 2)} {draw_numpy(5, 'start', 2)}"


def test_the_numbers_do_not_change_from_version_to_version():
    # Runs of the past are named by seed: whoever changes this raises ENGINE_VERSION.
    assert random_streams.stream(0, "batches", 0).initial_seed() == 7260264321938908173


def test_drawing_leaves_the_global_generators_alone():
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    draw(0, "noise")
    draw_numpy(0, "noise")
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)
