"""Draw the thumbnails of the gallery of labs anew: `make thumbnails`, for some by their names.

Each is the picture that its lab declares, with default settings and the first seed, computed here.
"""

import sys

from landscape_core import labs
from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab
from landscape_core.storage import atomic_files
from landscape_lab.components.gallery.gallery import THUMBNAILS
from landscape_lab.figures.bokeh.thumbnail import thumbnail


def main(names: list[str]) -> None:
    """Write the images of some labs, by default of all that are shipped."""
    THUMBNAILS.mkdir(exist_ok=True)
    for name in names or sorted(entries(Lab).shipped()):
        image = thumbnail(labs.run(name, seeds=1))
        atomic_files.write(THUMBNAILS / f"{name}.svg", [image.encode()])


if __name__ == "__main__":
    main(sys.argv[1:])
