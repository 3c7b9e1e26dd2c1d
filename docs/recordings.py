"""Record the presets and tours anew: `make recordings`, for some by the names of their files.

A recording that has the digest of its settings is left as it is; one that nothing refers to goes.
The verdicts and figures of the labs are taken from docs/labs.md and docs/labs.
"""

import io
import json
import re
import sys
from pathlib import Path

from PIL import Image

from landscape_core.foundation.errors import LandscapeError
from landscape_core.storage import atomic_files
from landscape_lab.recordings.recorder import digest_of, record
from landscape_lab.recordings.shipped import FOLDER, read, wanted
from landscape_lab.recordings.static_pages.lab_pages import FIGURES, VERDICTS
from landscape_lab.state.place import Place

REPORT = Path(__file__).with_name("labs.md")
QUALITY = 66
SECTION = re.compile(r"^### (\w+)$.*?^((?:PASS|NOT REPRODUCED|UNDECIDED): .*?)$", re.M | re.S)


def main(names: list[str]) -> None:
    """Write the recordings of some names, by default of all that have changed."""
    FOLDER.mkdir(exist_ok=True)
    kept = set()
    for path, place, title in wanted():
        kept.add(path)
        if path.stem in names or not (names or _is_current(path, place)):
            atomic_files.write(path, [record(place, title).text().encode()])
    for path in set(FOLDER.glob("*.json")) - kept:
        path.unlink()
    text = json.dumps(verdicts(), ensure_ascii=False, indent=1)
    atomic_files.write(VERDICTS, [f"{text}\n".encode()])
    FIGURES.mkdir(exist_ok=True)
    for path in sorted(REPORT.with_suffix("").glob("*.png")):
        atomic_files.write(FIGURES / f"{path.stem}.webp", [_smaller(path)])


def verdicts() -> dict[str, str]:
    """The verdict of each lab in docs/labs.md."""
    return dict(SECTION.findall(REPORT.read_text("utf-8")))


def _smaller(path: Path) -> bytes:
    """A figure as WebP, which takes two thirds of the bytes."""
    written = io.BytesIO()
    with Image.open(path) as whole:
        whole.convert("RGB").save(written, "webp", quality=QUALITY, method=6)
    return written.getvalue()


def _is_current(path: Path, place: Place) -> bool:
    try:
        return read(path).digest == digest_of(place)
    except (LandscapeError, OSError):
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
