"""A Bezier curve with trained control points: Garipov et al., 2018, equation (4)."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.connectivity.paths._trained import Trained
from landscape_core.connectivity.paths.base import Kind


@dataclass(frozen=True, kw_only=True)
class Bezier(Trained):
    """Bezier curve with trained control points; quadratic with a single one."""

    label: ClassVar[str] = "Bezier curve"
    kind: ClassVar[Kind] = "bezier"
