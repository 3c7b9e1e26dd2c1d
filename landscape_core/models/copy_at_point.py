"""A private copy of a network and a loss, taken to one point after another.

It begins at each as it was given, in full precision, and where random numbers may be drawn with the
process's generators set from a seed.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.types import Vector
from landscape_core.models.evaluated_copy import EvaluatedCopy, Measured
from landscape_core.models.generators import OWN, PYTHON, drawing, drawn_since, states
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import unheard


class CopyAtPoint:
    """The copy `own`, whose parameters are views of `flat` (P,).

    What has been found out of it: `noisy`, its warnings have been issued; `drew`, it has drawn
    random numbers, as was seen at `saw_draws` points; `differentiates`, it needs gradients in its
    forward; `renews`, it remembers earlier calls, and each point has a fresh copy; `spoils`, it may
    write to its data.
    """

    def __init__(
        self,
        objective: ModelObjective,
        *,
        seed: int,
        tf32: bool,
        measures: Sequence[Measured] = (),
    ) -> None:
        """Copy network and loss; `seed` is that of the numbers drawn, `tf32` allows less digits."""
        self.flat = torch.empty_like(objective.start)
        self.own = EvaluatedCopy(objective, self.flat, measures)
        self.noisy = self.drew = self.differentiates = self.renews = False
        self.spoils, self.saw_draws = True, 0
        self._lent: list[tuple[Tensor, bool]] = []
        self._objective, self._seed, self._tf32 = objective, seed, tf32
        self._measures = measures

    @property
    def parameters(self) -> Sequence[Tensor]:
        """Those that move, in the order of the vector."""
        return self.own.parameters

    @contextlib.contextmanager
    def at(self, theta: Vector, moved: Mapping[str, Tensor]) -> Iterator[None]:
        """At theta, with all else as it was given but for these buffers."""
        with full_precision(self.flat.device, tf32=self._tf32):
            if self.renews:
                self.own = EvaluatedCopy(self._objective, self.flat, self._measures)
            with torch.no_grad():
                self.flat.copy_(theta)
                self.own.begin(moved)
            try:
                yield
            finally:
                self.own.end()

    @contextlib.contextmanager
    def unheard_at(self, theta: Vector, moved: Mapping[str, Tensor]) -> Iterator[None]:
        """At theta, without warnings."""
        with self.at(theta, moved), unheard():
            yield

    @contextlib.contextmanager
    def drawing_at(self, theta: Vector, moved: Mapping[str, Tensor], draw: int) -> Iterator[None]:
        """At theta, where random numbers may be drawn: perhaps at this point, not at others."""
        device = self.flat.device
        with self.at(theta, moved), drawing(device, self._seed, draw):
            before = {} if self.drew else states(device)
            with unheard() if self.noisy else nullcontext():
                yield
            if before:
                drawn = drawn_since(before, device) | ({OWN} if self.own.drawn() else set())
                self.saw_draws += bool(drawn)
                # Another thread may have drawn once from Python's generator, as servers do.
                self.drew = bool(drawn - {PYTHON}) or self.saw_draws > 1

    def recording(self) -> contextlib.AbstractContextManager[Any]:
        """With gradients only where the network itself needs them."""
        return torch.enable_grad() if self.differentiates else torch.no_grad()

    def fresh(self, given: Tensor) -> Tensor:
        """The tensor, or a copy of it where somebody may write to it."""
        if not self.spoils:
            return given
        copied = given.detach().clone()
        self._lent.append((copied, copied.requires_grad))
        return copied

    def look_at_data(self) -> bool:
        """Whether what was lent was written to; only then is a copy lent from now on."""
        self.spoils = any(t._version or t.requires_grad is not told for t, told in self._lent)
        self._lent = []
        return self.spoils
