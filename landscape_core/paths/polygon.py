"""A polygonal chain with trained corners: Garipov et al., 2018, equation (3)."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.paths._trained import Trained
from landscape_core.paths.base import Kind


@dataclass(frozen=True, kw_only=True)
class Polygon(Trained):
    """Straight segments from corner to corner; the corners are trained."""

    label: ClassVar[str] = "polygonal chain"
    kind: ClassVar[Kind] = "polygon"
