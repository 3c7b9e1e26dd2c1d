"""Failures as one sentence: what a user can act upon."""

from landscape_core.foundation.errors import LandscapeError

LONGEST = 300
"""Characters of a failure that nobody expected."""

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "Unable to allocate")
"""What the error of an allocator says, besides its type."""


def sentence(error: Exception) -> str:
    """A failure in one line: as the engine says it, or what kind of failure it is."""
    words = " ".join(str(error).split())
    if isinstance(error, LandscapeError | OSError):
        return words or type(error).__name__
    if isinstance(error, MemoryError) or any(one in words for one in NO_MEMORY):
        return f"There is not enough memory for this ({words[:LONGEST] or 'none is left'})."
    return f"Something failed: {type(error).__name__}: {words[:LONGEST]}"
