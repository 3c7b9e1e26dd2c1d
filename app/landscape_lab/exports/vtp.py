"""The surface for programs that read the formats of VTK."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._written import SurfaceFile


@dataclass(frozen=True, kw_only=True)
class VTP(SurfaceFile):
    """The surface as it is drawn, with the path, for ParaView, PyVista and VTK."""

    label: ClassVar[str] = "VTP surface"
    rank: ClassVar[int] = 12
    suffix: ClassVar[str] = "vtp"
    mime: ClassVar[str] = "application/xml"
