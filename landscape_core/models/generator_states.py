"""Generators of random numbers of a user's own: their states, read, compared and put back."""

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)

SHARED = (torch.default_generator, getattr(random, "_inst", None))
"""The process's own, which `generators` sets."""


def is_own_generator(thing: Any) -> bool:
    """Whether this is a generator, and none of the process's own."""
    return isinstance(thing, GENERATORS) and not any(thing is one for one in SHARED)


def state_of(generator: Any) -> Any:
    """The state of a generator."""
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state()
    return generator.getstate()


def set_state(generator: Any, state: Any) -> None:
    """Put a generator into a state."""
    if isinstance(generator, torch.Generator | np.random.RandomState):
        generator.set_state(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.setstate(state)


def token(state: Any) -> object:
    """A state in a form that can be compared."""
    if isinstance(state, Tensor):
        return state.numpy(force=True).tobytes()
    entries = list(state.items()) if isinstance(state, dict) else list(state)
    return repr([one.tolist() if isinstance(one, np.ndarray) else one for one in entries])
