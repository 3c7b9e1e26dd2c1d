"""Record the presets anew: `make recordings`, for some by their names.

A recording whose preset, engine and words are as they were is left as it is.
"""

import sys

from landscape_core.foundation.errors import LandscapeError
from landscape_core.storage import atomic_files
from landscape_lab.recordings.recorder import digest_of, record
from landscape_lab.recordings.shipped import FOLDER, path_of, shipped
from landscape_lab.state.preset import Preset, presets


def main(names: list[str]) -> None:
    """Write the recordings of some presets, by default of all that have changed."""
    FOLDER.mkdir(exist_ok=True)
    for name, preset in presets().items():
        if name in names or not (names or _is_current(preset)):
            atomic_files.write(path_of(name), [record(preset).text().encode()])
    for path in FOLDER.glob("*.json"):
        if path.stem not in presets():
            path.unlink()


def _is_current(preset: Preset) -> bool:
    try:
        return shipped(preset.name).digest == digest_of(preset)
    except LandscapeError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
