"""The values of the slice as a table."""

from dataclasses import dataclass
from typing import ClassVar

from landscape_lab.exports._written import ValueFile


@dataclass(frozen=True, kw_only=True)
class CSV(ValueFile):
    """The slice as a table for spreadsheets, a row for each point."""

    label: ClassVar[str] = "CSV table"
    rank: ClassVar[int] = 10
    suffix: ClassVar[str] = "csv"
    mime: ClassVar[str] = "text/csv"
