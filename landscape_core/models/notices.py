"""Warnings that evaluating a user's network gives: useful ones are issued once, others never."""

import contextlib
import re
import warnings
from collections.abc import Iterator, Sequence

OURS = re.compile("None of the inputs have requires_grad=True")
"""Warnings of evaluations without gradients, which nobody has asked for but the laboratory."""


BATCHED = "There is a performance drop because we have not yet implemented the batching rule"
"""What torch says of its own `vmap`."""


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def batched_untold() -> Iterator[None]:
    """Without torch's word that it batches an operation by a loop, on which no number depends."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", BATCHED)
        yield


def retell(heard: Sequence[warnings.WarningMessage]) -> None:
    """Give recorded warnings again, but for those that only evaluations here bring about."""
    for one in heard:
        if not OURS.match(str(one.message)):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
