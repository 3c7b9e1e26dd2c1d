"""What an export is: a picture of a run as the content of a file."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.foundation.recipes import Recipe, name_of
from landscape_core.foundation.registry import entries
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_lab.figures.matplotlib.figure_style import USUAL, FigureStyle
from landscape_lab.state.place import Place
from landscape_lab.state.preset import presets

Compared = Sequence[tuple[str, str, Picture]]
"""Letter, what differs, and picture of each of the runs that are compared."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What is on the screen.

    `picture` is what the page shows where it stands, refined. `session` is what made it, if it is
    there: it may be made to look at other steps, and looks at the picture's step again in the end;
    who needs one and has none trains the run again. `compared` are all the runs that are compared,
    the current one included, to be drawn side by side; what cannot is of the current run. `style`
    is how a picture looks on paper.
    """

    place: Place
    picture: Picture
    session: Session | None = None
    compared: Compared = ()
    style: FigureStyle = USUAL


@dataclass(frozen=True)
class Making:
    """How far the making of a file is; the last one has its content.

    `caption` is the separate caption of a picture, where one is asked for.
    """

    done: int
    total: int
    content: bytes | None = None
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Export(Recipe, ABC):
    """A kind of file. Its name is that of its module, its documentation what is said of it."""

    rank: ClassVar[int]
    """Its place in the list of all."""

    suffix: ClassVar[str]
    """How the names of such files end, without a dot."""

    mime: ClassVar[str]
    """What a browser takes it for."""

    readable: ClassVar[bool] = False
    """Whether it is text to be read and copied."""

    group: ClassVar[str] = "Numbers and pages"
    """The heading above it; what is a `Picture` is drawn in the style that is asked for."""

    @abstractmethod
    def made(self, shown: Shown) -> Iterator[Making]:
        """The making of the file."""

    @classmethod
    def lacks(cls) -> str:
        """What this machine would need to make it, in words; empty where it can."""
        return ""


def kinds() -> Mapping[str, type[Export]]:
    """The exports that this machine can make, by name, in the order of their rank."""
    return {name: kind for name, kind in every_kind().items() if not kind.lacks()}


def every_kind() -> Mapping[str, type[Export]]:
    """All exports by name, in the order of their rank, also those that this machine cannot make."""
    return dict(sorted(entries(Export).items(), key=lambda pair: pair[1].rank))


def content(making: Iterator[Making]) -> bytes:
    """The content of a file once it is made."""
    found = [news.content for news in making if news.content is not None]
    if not found:
        raise RuntimeError("the making of a file ended without its content")
    return found[-1]


def file_name(place: Place, picture: Picture, suffix: str) -> str:
    """What a file is called: the preset, or other data, and the step, `spirals_step_60.png`."""
    named, preset = place.preset or "landscape", presets().get(place.preset)
    if preset and not preset.has_data_of(place.scene):
        problem = place.scene.run.problem
        named = name_of(type(getattr(problem, "dataset", problem)))
    return f"{named}_step_{picture.seen}.{suffix}"
