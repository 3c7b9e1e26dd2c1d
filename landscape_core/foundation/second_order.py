"""Differentiating twice: the kernels that can, and one sentence where torch cannot."""

import contextlib
import re
from collections.abc import Iterator

from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape_core.foundation.errors import SpecError

ONCE = re.compile(
    "derivative for .* is not implemented|[Cc]heckpoint|once_differentiable|differentiable twice"
)
"""What torch says of operations that it differentiates only once."""


@contextlib.contextmanager
def twice_differentiable() -> Iterator[None]:
    """Attention by its plain kernel, as the fused ones have no second derivative.

    Raises:
        SpecError: an operation of the network or the loss has no second derivative in torch.
    """
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    except RuntimeError as error:
        if not ONCE.search(str(error)):
            raise
        accepted = f"made of what torch can differentiate twice: {str(error).splitlines()[0]}"
        raise SpecError("the network and the loss", "another operation", accepted) from error
