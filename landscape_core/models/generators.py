"""The process's generators of random numbers, set for an evaluation and put back: only here.

Networks of others may draw from torch's, NumPy's or Python's own generator in their `forward`. The
same numbers at every point, common random numbers, make that a function of the parameters.
"""

import contextlib
import random
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import torch

from landscape_core.foundation import random_streams

PYTHON, OWN = "random", "its own"

CHECKS = "beartype"
"""A module whose decorators draw from Python's generator: which items of a list they look at."""

AGAIN = 2
"""How many repetitions tell own draws from those of another thread."""

ALONE = threading.RLock()
"""Held while the process's generators are set: who draws from them does so alone."""


@contextlib.contextmanager
def kept_generators(device: torch.device | None = None) -> Iterator[None]:
    """Afterwards the process's generators are as they were, that of a graphics card included."""
    cards = [device.index or 0] if device is not None and device.type == "cuda" else []
    with ALONE, torch.random.fork_rng(cards):
        others = np.random.get_state(), random.getstate()
        try:
            yield
        finally:
            np.random.set_state(others[0])
            random.setstate(others[1])


@contextlib.contextmanager
def drawing(device: torch.device, seed: int, draw: int = 0) -> Iterator[None]:
    """With the process's generators set for one draw of a seed; afterwards they are as before.

    The number that they are set to is `random_streams.number(seed, "draws", draw)`, for NumPy's
    its remainder by 2^32.
    """
    with kept_generators(device):
        number = random_streams.number(seed, "draws", draw)
        # One by one, as torch.manual_seed takes long for cards that are not there.
        torch.default_generator.manual_seed(number)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(number)
        np.random.seed(number % 2**32)
        random.seed(number)
        yield


def states(device: torch.device) -> dict[str, object]:
    """The states of the process's generators, in a form that can be compared."""
    card = torch.cuda.get_rng_state(device).numpy().tobytes() if device.type == "cuda" else b""
    return {
        "torch": torch.default_generator.get_state().numpy().tobytes(),
        "card": card,
        "numpy": _numpy_state(),
        PYTHON: random.getstate(),
    }


def _numpy_state() -> tuple[object, ...]:
    """The state of NumPy's generator; its words as bytes, and what else there is."""
    kind, words, *rest = np.random.get_state()
    return kind, np.asarray(words).tobytes(), *rest


def drawn_since(before: dict[str, object], device: torch.device) -> set[str]:
    """From which of the process's generators numbers were drawn since those states.

    Where types are checked, Python's own does not count.
    """
    now = states(device)
    names = {name for name in now if now[name] != before[name]}
    return names - {PYTHON} if checks_draw() else names


def checks_draw() -> bool:
    """Whether checks of types draw from Python's generator."""
    return CHECKS in sys.modules


def recurring(drawn: set[str], again: Callable[[], set[str]]) -> set[str]:
    """From which generators numbers are drawn by what was evaluated, and by no other thread.

    The generators are the process's: those of other threads, as of a server that waits for a random
    while, draw from them at any time. What an evaluation draws it draws once more when repeated.

    Args:
        drawn: the generators from which numbers were drawn meanwhile.
        again: evaluates once more, and gives what it drew from.
    """
    open_, found = set(drawn), set[str]()
    for _ in range(AGAIN):
        if not open_:
            break
        now = open_ & again()
        found, open_ = found | now, open_ - now
    return found
