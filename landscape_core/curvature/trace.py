"""The trace of an operator with its standard error: Hutch++.

Meyer, Musco, Musco, Woodruff, 2021, arXiv:2010.09649: the trace over a subspace that holds most of
the matrix is exact; Rademacher probes (Hutchinson, 1990) estimate what is left.
"""

import math
from dataclasses import dataclass

import torch

from landscape_core.curvature.operator import Operator
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vectors

FEWEST = 16
"""Probes before a standard error is believed."""


@dataclass(frozen=True)
class Trace:
    """An estimate, its standard error (0 if exact), and the products that it took."""

    value: float
    standard_error: float
    matvecs: int


@public_call
def trace(
    operator: Operator,
    *,
    tolerance: float = 0.05,
    sketch: int = 8,
    most: int = 300,
    whole: int = 0,
    seed: int = 0,
) -> Trace:
    """The trace, to a standard error of `tolerance` times its value, or as far as `most` leads.

    Args:
        operator: the matrix.
        tolerance: the standard error that is asked for, relative to the trace.
        sketch: dimensions of the subspace whose trace is exact; 0 is Hutchinson's estimate.
        most: probes at most.
        whole: parameters up to which the matrix is formed, and the trace exact.
        seed: of sketch and probes.

    Raises:
        SpecError: fewer than two probes.
    """
    if most < 2:
        raise SpecError("most", most, "at least 2: one probe has no standard error")
    before, rng = operator.matvecs, random_streams.stream(seed, "trace")
    finer = torch.promote_types(operator.like.dtype, torch.float32)  # half types are not factorized

    def signs(count: int) -> Vectors:
        drawn = torch.randint(0, 2, (count, operator.size), generator=rng)
        return (2 * drawn - 1).to(operator.like.device, finer)

    def applied(vectors: Vectors) -> Vectors:
        return operator.apply(vectors.to(operator.like)).to(finer)

    if operator.size <= max(whole, 2 * (sketch + FEWEST)):
        return Trace(float(operator.dense().double().trace()), 0.0, operator.size)
    basis = operator.like.new_zeros(0, operator.size, dtype=finer)
    exact = 0.0
    if sketch:
        basis = torch.linalg.qr(applied(signs(sketch)).T).Q.T
        exact = float((applied(basis).double() * basis.double()).sum())
    found: list[float] = []
    while len(found) < most:
        probes = signs(min(FEWEST, most - len(found)))
        probes = probes - (probes @ basis.T) @ basis
        found += (applied(probes).double() * probes.double()).sum(dim=1).tolist()
        values = torch.tensor(found, dtype=torch.float64)
        mean, error = float(values.mean()), float(values.std()) / math.sqrt(len(found))
        if error <= tolerance * abs(exact + mean):
            break
    return Trace(exact + mean, error, operator.matvecs - before)
