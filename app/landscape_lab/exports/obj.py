"""The surface for programs of three-dimensional modelling."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._written import SurfaceFile


@dataclass(frozen=True, kw_only=True)
class OBJ(SurfaceFile):
    """The surface as it is drawn, with the path, for Blender."""

    label: ClassVar[str] = "OBJ surface"
    rank: ClassVar[int] = 13
    suffix: ClassVar[str] = "obj"
    mime: ClassVar[str] = "model/obj"
