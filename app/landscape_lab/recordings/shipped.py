"""The recordings that are shipped with the package: one of each preset, and those of the tours."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.storage.bounded_files import bounded_text
from landscape_lab.content.tour import GUIDES, TourStep, tours
from landscape_lab.recordings.recorder import digest_of
from landscape_lab.recordings.recording import LARGEST, Recording, recording
from landscape_lab.state.lab_place import names_labs
from landscape_lab.state.link import opening, place
from landscape_lab.state.place import Place
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
    if name not in presets() or not path.is_file():
        known = ", ".join(one for one in presets() if path_of(one).is_file())
        raise MissingDataError(f"there is no recording of the preset {name!r}; there are {known}.")
    preset = presets()[name]
    words = {key: getattr(preset, key) for key in ("title", "question", "watch", "shows")}
    return replace(read(path), **words)


def read(path: Path) -> Recording:
    """The recording in a file.

    Raises:
        FileFormatError: it is damaged; names it.
    """
    try:
        return recording(bounded_text(path, LARGEST))
    except FileFormatError as error:
        raise FileFormatError(f"{path.name}: {error}") from None


def of_step(step: TourStep) -> Recording | None:
    """The shipped recording of the run of a step of a tour; None where there is none."""
    there = place_of(step)
    if there is None:
        return None
    digest = digest_of(there)
    return next((read(path) for path in _files() if _digests()[path] == digest), None)


def place_of(step: TourStep) -> Place | None:
    """The run that a step of a tour shows; None for a lab and for a step without settings."""
    return None if step.link is None or names_labs(step.link) else place(step.link)


def wanted() -> Iterator[tuple[Path, Place, str]]:
    """Each recording that is to be shipped: its file, what it records, its title."""
    known = set()
    for name, preset in presets().items():
        there = opening(name)
        known.add(digest_of(there))
        yield path_of(name), there, preset.title
    for tour in tours(GUIDES).values():
        for at, step in enumerate(tour.steps, 1):
            there_ = place_of(step)
            if there_ is not None and there_.step and digest_of(there_) not in known:
                known.add(digest_of(there_))
                yield path_of(f"{tour.name}-{at}"), there_, step.title


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


@functools.cache
def _digests() -> dict[Path, str]:
    return {path: read(path).digest for path in _files()}
