"""Everything that the engine raises on purpose.

LandscapeError
├── SpecError          a value that the user chose is not accepted (also a ValueError)
├── MissingDataError   a data file is not where it should be (also a FileNotFoundError)
├── PlaneError         directions that span no plane, or of another model (also a ValueError)
├── FileFormatError    a file that cannot be read as what it should be (also a ValueError)
├── MissingPackageError  an optional package is not installed (also an ImportError)
└── BackendError       a cluster that cannot be reached or lost its workers (also a RuntimeError)
"""

SHOWN = 100
"""Characters of a refused value that an error shows."""


def shown(value: object) -> str:
    """A value as an error shows it: in one line, shortened, without what a terminal obeys.

    Those are escaped as in Python's source, so that foreign text cannot move the cursor.
    """
    if isinstance(value, str) and len(value) > 2 * SHOWN:
        value = value[: 2 * SHOWN]
    words = repr(value)
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}…"


class LandscapeError(Exception):
    """Base of all errors that the engine raises on purpose."""


class SpecError(LandscapeError, ValueError):
    """A chosen value is not accepted; says the field, the value and what would be."""

    def __init__(self, field: str, value: object, accepted: str) -> None:
        """Keep the three parts, so that an interface can show them at the control."""
        self.field = field
        self.value = value
        self.accepted = accepted
        Exception.__init__(self, f"{field} must be {accepted}; got {shown(value)}.")

    def __reduce__(self) -> tuple[type["SpecError"], tuple[str, object, str]]:
        """Pickle by the three parts, so that the error crosses a process border."""
        return SpecError, (self.field, self.value, self.accepted)


class MissingDataError(LandscapeError, FileNotFoundError):
    """A data file is missing; the message says which, where, and in what format."""


class PlaneError(LandscapeError, ValueError):
    """Directions that span no plane, or that belong to another model."""


class FileFormatError(LandscapeError, ValueError):
    """A file that cannot be read as what it should be."""


class MissingPackageError(LandscapeError, ImportError):
    """An optional package that is not installed; the message says how to install it."""


class BackendError(LandscapeError, RuntimeError):
    """A cluster that is not installed, cannot be reached, or whose workers were lost."""
