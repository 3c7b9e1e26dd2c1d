"""Derivatives of networks: the ways that can, and one sentence where torch cannot."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape_core.foundation.errors import SpecError

ONCE = re.compile(
    "derivative for .* is not implemented|[Cc]heckpoint|once_differentiable|differentiable twice"
    "|layout being Sparse"
)
"""What torch says of operations that it differentiates only once."""

MARKED = once_differentiable(lambda ctx: None).__code__
"""The code of a backward that is marked with `once_differentiable`."""


OVERWRITTEN = "modified by an inplace operation"
"""What torch says where a value that the gradient needs is no longer there."""


@contextlib.contextmanager
def differentiable() -> Iterator[None]:
    """Within it gradients are computed.

    Raises:
        SpecError: a value that the gradient needs has been overwritten.
    """
    try:
        yield
    except RuntimeError as error:
        if OVERWRITTEN not in str(error):
            raise
        accepted = (
            "such that nothing is changed in place that the gradient needs, for instance another"
            " network's weights after they were used: update them before, or detach what they give"
        )
        told = str(error).partition(":")[0]
        raise SpecError("the network and the loss", told, accepted) from error


@contextlib.contextmanager
def twice_differentiable() -> Iterator[None]:
    """Attention by its plain kernel, as the fused ones have no second derivative.

    Raises:
        SpecError: an operation of the network or the loss has no second derivative in torch.
    """
    try:
        with sdpa_kernel(SDPBackend.MATH), differentiable():
            yield
    except RuntimeError as error:
        if not ONCE.search(str(error)):
            raise
        raise _refusal(str(error).splitlines()[0]) from error


def check_twice(value: Tensor) -> Tensor:
    """The value, on the way to which nothing is marked as differentiable once.

    Torch takes the second derivative of what is so marked to be zero, without a word, where only
    some tensors are asked for.

    Raises:
        SpecError: names the function.
    """
    seen: set[Any] = set()
    ahead = [value.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        backward = getattr(getattr(type(node), "_forward_cls", None), "backward", None)
        if getattr(backward, "__code__", None) is MARKED:
            name = type(node)._forward_cls.__name__  # type: ignore[attr-defined]
            raise _refusal(f"the backward of {name} is marked with once_differentiable")
        ahead += [one for one, _ in node.next_functions]
    return value


def _refusal(said: str) -> SpecError:
    accepted = f"made of what torch can differentiate twice: {said}"
    return SpecError("the network and the loss", "another operation", accepted)
