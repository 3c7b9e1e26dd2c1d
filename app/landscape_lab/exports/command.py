"""The picture as a command that makes it again."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.foundation.errors import LandscapeError
from landscape_core.session.picture import Picture
from landscape_core.storage.held_tables import SCHEME
from landscape_lab.exports._needed_files import needed, with_files
from landscape_lab.exports.base import Export, Making, Shown, file_name
from landscape_lab.state.place import Place


@dataclass(frozen=True, kw_only=True)
class Command(Export):
    """A command that reproduces this slice bit for bit."""

    label: ClassVar[str] = "Command line"
    rank: ClassVar[int] = 15
    suffix: ClassVar[str] = "sh"
    mime: ClassVar[str] = "text/x-sh"
    group: ClassVar[str] = "Program"
    readable: ClassVar[bool] = True

    def made(self, shown: Shown) -> Iterator[Making]:
        _, files = with_files(shown.place.alone())
        told = "".join(f"{needed(name, digest)}\n" for name, digest in files.items())
        notes = "".join(f"# {words}\n" for words in told.splitlines())
        yield Making(1, 1, f"{notes}{line(shown.place, shown.picture)}\n".encode())


def line(place: Place, picture: Picture) -> str:
    """A command that gives the slice of a picture to the bit.

    Raises:
        LandscapeError: the place has no link.
    """
    link = place.alone().link()
    for file, digest in with_files(place.alone())[1].items():
        link = link.replace(f"{SCHEME}{digest}", file)
    if not link:
        raise LandscapeError("your own network has no command line; take the numbers instead")
    words = ["landscape", "picture", link, "--strategy", str(picture.slice.attrs["strategy"][0])]
    threads, target = str(picture.slice.attrs["threads"]), file_name(place, picture, "nc")
    words += ["--threads", threads, "-o", target]
    return shlex.join(words)
