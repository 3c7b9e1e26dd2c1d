"""Progress of long work: generators of complete, immutable states, the last with the result."""

import functools
import inspect
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ParamSpec, Protocol, cast, runtime_checkable

import xarray as xr

P = ParamSpec("P")

USER = 6
"""The stack level at which a warning in the body of a `one_call` names the line that calls it."""

UPDATE_INTERVAL = 0.1
"""Seconds between two states of progress that are yielded."""


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a piece of work is; `dataset` is the best so far, or None while there is none."""

    done: int
    total: int
    dataset: xr.Dataset | None = None


def result(work: Iterator[Progress]) -> xr.Dataset:
    """The finished dataset of a piece of work."""
    last = deque(work, maxlen=1)
    if not last or last[0].dataset is None:
        raise RuntimeError("the work ended without a result")
    return last[0].dataset


@runtime_checkable
class OneCall(Protocol[P]):
    """A function that returns a finished dataset; `growing` does the same work as a generator."""

    growing: Callable[P, Iterator[Progress]]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> xr.Dataset:
        """The finished dataset."""


def one_call(work: Callable[P, Iterator[Progress]]) -> OneCall[P]:
    """The function of the same arguments that returns the finished dataset of a generator."""

    @functools.wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> xr.Dataset:
        return result(work(*args, **kwargs))

    told = inspect.signature(work).replace(return_annotation=xr.Dataset)
    call.__annotations__ = {**work.__annotations__, "return": xr.Dataset}
    vars(call).update(growing=work, __signature__=told)
    return cast(OneCall[P], call)
