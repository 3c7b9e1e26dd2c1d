"""A picture on paper, in one of the formats there are."""

from collections.abc import Iterator

from app.exports._data import drawn
from app.exports.base import Making
from app.places import Place
from landscape_core.pictures import Picture


def still(place: Place, picture: Picture, form: str) -> Iterator[Making]:
    """The making of a `png`, `svg` or `pdf` file."""
    from app.views import stills  # matplotlib takes half a second to import

    yield Making(0, 1)
    shown = drawn(place, picture)
    content = stills.still(shown.slice, shown.path, form, deep=shown.deep, **shown.looks())
    yield Making(1, 1, content)
