"""What holds within every public call that computes, whatever the process has set around it."""

import functools
from collections.abc import Callable, Generator
from types import GeneratorType
from typing import Any, ParamSpec, TypeVar, cast

import torch

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision_of_a_call, within_a_call

P = ParamSpec("P")
R = TypeVar("R")


def public_call(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, computing in the tensors' own precision and on a device that computes.

    Of a generator this holds while it works, not while its consumer works.

    Raises:
        SpecError: when called, where torch's default device holds no numbers.
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if within_a_call():
            found = function(*args, **kwargs)
        else:
            with full_precision_of_a_call():
                _check_default_device()
                found = function(*args, **kwargs)
        return cast(R, _steps(found)) if isinstance(found, GeneratorType) else found

    return called


def _steps(work: Generator[Any, None, Any]) -> Generator[Any, None, Any]:
    """The same values, each computed as within the call."""
    try:
        while True:
            with full_precision_of_a_call():
                try:
                    value = next(work)
                except StopIteration as end:
                    return end.value
            yield value
    finally:
        work.close()


def _check_default_device() -> None:
    """Refuse a default device on which no tensor has values.

    Raises:
        SpecError: it is `meta`.
    """
    if torch.empty(0).is_meta:
        accepted = "one that holds numbers, by torch.set_default_device"
        raise SpecError("torch's default device", "meta", accepted)
