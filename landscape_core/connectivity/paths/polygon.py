"""A polygonal chain with trained nodes: Garipov et al., 2018, equation (3)."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_core.connectivity.paths._trained import Trained
from landscape_core.connectivity.paths.base import Kind


@dataclass(frozen=True, kw_only=True)
class Polygon(Trained):
    """Polygonal chain with trained nodes."""

    label: ClassVar[str] = "polygonal chain"
    kind: ClassVar[Kind] = "polygon"
