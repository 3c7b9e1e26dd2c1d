"""The numbers themselves, as JSON."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._written import ValueFile


@dataclass(frozen=True, kw_only=True)
class JSON(ValueFile):
    """The slice, the path and all settings as text for other programs."""

    label: ClassVar[str] = "JSON data"
    rank: ClassVar[int] = 11
    suffix: ClassVar[str] = "json"
    mime: ClassVar[str] = "application/json"
