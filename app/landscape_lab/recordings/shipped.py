"""The recordings that are shipped with the package, one file a preset."""

from dataclasses import replace
from pathlib import Path

from landscape_core.foundation.errors import MissingDataError
from landscape_core.storage.bounded_files import bounded_text
from landscape_lab.recordings.recording import LARGEST, Recording, recording
from landscape_lab.state.preset import presets

FOLDER = Path(__file__).parents[1] / "content" / "recordings"


def path_of(name: str) -> Path:
    """Where the recording of a preset lies, if there is one."""
    return FOLDER / f"{name}.json"


def shipped(name: str) -> Recording:
    """The recording of a preset, with the words that the preset has now.

    Raises:
        MissingDataError: no recording of this name is shipped.
        FileFormatError: its file is damaged.
    """
    path = path_of(name)
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in FOLDER.glob("*.json")))
        raise MissingDataError(f"there is no recording of {name!r}; there are {known}.")
    found, preset = recording(bounded_text(path, LARGEST)), presets()[name]
    return replace(
        found,
        title=preset.title,
        question=preset.question,
        watch=preset.watch,
        shows=preset.shows,
    )
