"""What of a lab a page shows: its settings, its seeds and the one looked at, as a link names it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import name_of
from landscape_core.foundation.registry import entries, find
from landscape_core.labs.base import Lab, by_family
from landscape_core.training.run import Run
from landscape_lab.state.form_model import assign, differences
from landscape_lab.state.link import check_bounds
from landscape_lab.state.place import SAFE, Place
from landscape_lab.state.preset import FIRST, presets

GALLERY = "labs=all"
"""The link of the gallery."""

SETTING = "lab."
"""How settings begin in the link of a lab."""

WORDS = ("lab", "seeds", "first", "seed", "frame")
"""Words of a lab's link that are no settings."""

MOST = 200
"""Seeds that a page computes together, at most."""

FRESH = 5000
"""The first of the fresh seeds: no lab was looked at with them while it was written."""

LARGEST = 10**9
"""The largest number of a first seed."""


@dataclass(frozen=True)
class LabPlace:
    """A lab with its settings, how many seeds it is tried on, and the first of them.

    `shown` is the index of the seed that is looked at, `frame` that of the entry of the moving
    dimension; None: the last one that is known.
    """

    lab: Lab
    count: int
    first: int = 0
    shown: int = 0
    frame: int | None = None

    @property
    def name(self) -> str:
        """The name of the lab."""
        return name_of(type(self.lab))

    @property
    def seeds(self) -> list[int]:
        """The seeds in their order."""
        return list(range(self.first, self.first + self.count))

    @property
    def training_run(self) -> Run | None:
        """The run of the catalogue that the seed looked at trains, where there is one."""
        return self.lab.training_run(self.seeds[self.shown])

    @property
    def reference(self) -> Lab:
        """The lab with its default settings."""
        return type(self.lab)()

    def fresh(self) -> "LabPlace":
        """The same with seeds that were not used before."""
        first = max(FRESH, self.first + self.count)
        return replace(self, first=first if first <= LARGEST else FRESH)

    def counted(self, count: object) -> "LabPlace":
        """The same with so many seeds.

        Raises:
            SpecError: it is no whole number, or none or too many.
        """
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
            raise SpecError("seeds", count, f"a whole number from 1 to {MOST}")
        return replace(self, count=count, shown=min(self.shown, count - 1))

    def link(self) -> str:
        """The text behind the # of an address that leads here."""
        words: dict[str, Any] = {"lab": self.name}
        changed = differences(self.lab, self.reference)
        words |= {SETTING + path: _word(value) for path, value in changed.items()}
        words["seeds"] = self.count
        if self.first:
            words["first"] = self.first
        if self.shown:
            words["seed"] = self.seeds[self.shown]
        if self.frame is not None:
            words["frame"] = self.frame
        return urlencode(words, quote_via=quote, safe=SAFE)


def opening(name: str) -> LabPlace:
    """A lab as it opens: default settings, as many seeds as it shows by default.

    Raises:
        SpecError: no such lab.
    """
    lab = find(Lab, name)()
    return LabPlace(lab, min(MOST, type(lab).seeds))


def named_by(link: str) -> LabPlace | None:
    """The lab that a link names; None if it names the gallery or something else.

    Raises:
        SpecError: no such lab, a setting that it does not have, or a value that is not accepted.
    """
    check_bounds(link)
    words = parse_qsl(link.lstrip("#?"), keep_blank_values=True)
    once = dict(words)
    if "lab" not in once:
        return None
    there = opening(once["lab"])
    lab = there.lab
    for name, value in words:
        if name.startswith(SETTING):
            lab = assign(lab, name.removeprefix(SETTING), value)
        elif name not in WORDS:
            raise SpecError("a word of a lab's link", name, ", ".join(WORDS) + " or a setting")
    count = _whole("seeds", once, there.count, 1, MOST)
    first = _whole("first", once, 0, 0, LARGEST)
    seed = _whole("seed", once, first, first, first + count - 1)
    return LabPlace(lab, count, first, seed - first, _frame(lab, once))


def place_of_run(there: LabPlace) -> Place | None:
    """The end of the run that a lab trains, as a place of the landscape; None: there is none.

    It is drawn as in the preset that names this lab, if one does.
    """
    run = there.training_run
    if run is None:
        return None
    named = (one for one in presets().values() if one.lab == there.name)
    preset = next(named, presets()[FIRST])
    return Place(preset.name, preset.scene.replace(run=run), run.steps)


def names_labs(link: str) -> bool:
    """Whether a link leads to a lab, or to the gallery of all."""
    words = parse_qsl(link.lstrip("#?"), keep_blank_values=True)
    return bool({"lab", "labs"} & dict(words).keys())


def gallery() -> list[dict[str, Any]]:
    """The families with their labs: name, title, question and seconds of each."""
    kinds: Mapping[str, type[Lab]] = {name: find(Lab, name) for name in entries(Lab)}
    return [
        {"family": family, "labs": [_card(name, kinds[name]) for name in names]}
        for family, names in by_family(kinds).items()
    ]


def _card(name: str, kind: type[Lab]) -> dict[str, Any]:
    """What the gallery says of a lab."""
    words = {"name": name, "title": kind.label, "question": kind.question}
    return {**words, "seconds": round(kind.seconds)}


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _frame(lab: Lab, words: Mapping[str, str]) -> int | None:
    """The frame that a link names; how many there are is known once the lab is computed."""
    if "frame" not in words:
        return None
    if not any(getattr(picture, "frame", "") for picture in type(lab).pictures):
        raise SpecError("frame", words["frame"], f"none: no picture of {type(lab).label!r} moves")
    return _whole("frame", words, 0, 0, LARGEST)


def check_frame(there: LabPlace, count: int) -> None:
    """Refuse a frame beyond those that a computed lab has.

    Raises:
        SpecError: there are fewer.
    """
    if there.frame is not None and there.frame >= count:
        raise SpecError("frame", str(there.frame), f"a whole number from 0 to {count - 1}")


def _whole(name: str, words: Mapping[str, str], usual: int, low: int, high: int) -> int:
    if name not in words:
        return usual
    text = words[name]
    if not text.isdecimal() or len(text) > len(str(high)) or not low <= int(text) <= high:
        raise SpecError(name, text, f"a whole number from {low} to {high:,}")
    return int(text)
