"""Runs that are compared: what differs between them, in words, and what is drawn of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from landscape_core.session.picture import Picture
from landscape_lab.figures.annotations import marked
from landscape_lab.figures.bokeh.comparison import Compared
from landscape_lab.state import form_model
from landscape_lab.state.place import Place
from landscape_lab.state.setting_words import in_words
from landscape_lab.worker.update import Update

LETTERS = "ABCD"


def compared_runs(update: Update) -> list[Compared]:
    """What is drawn of the runs that are compared, each with what differs in it."""
    known = {
        place: (len(one.path["param"]), one.figures)
        for place, one in ((one.place, one) for one in update.kept)
    }
    found = []
    for (letter, words, picture), place in zip(
        compared_pictures(update), _places(update), strict=True
    ):
        parameters, figures = known.get(place, (update.parameters, update.figures))
        found.append(
            Compared(
                letter, words, picture.slice, marked(picture.slice, picture.path), picture.seen,
                picture.curves, picture.spec.split, figures, parameters,
            )
        )  # fmt: skip
    return found


def compared_pictures(update: Update) -> list[tuple[str, str, Picture]]:
    """Letter, what differs in it, and picture of each run that is compared.

    The kept runs and the one that is under way, if that is another.
    """
    places = _places(update)
    pictures = [one.picture for one in update.kept]
    if update.picture is not None and len(places) > len(pictures):
        pictures.append(update.picture)
    return list(zip(LETTERS, differing(places), pictures, strict=False))


def missing(update: Update, wanted: Place) -> str:
    """What of the comparison that a place shows has not been computed, in words; empty if all."""
    display = wanted.scene.display
    if display.show != "compare":
        return ""
    if len(update.kept) < len(wanted.kept):
        return "The kept runs are trained anew"
    if display.comparison == "together" and update.kept and update.together is None:
        return "" if update.problem else "The paths are put on one plane"
    return ""


def _places(update: Update) -> list[Place]:
    kept = [one.place for one in update.kept]
    here = update.place.alone()
    return kept if here in kept or update.picture is None else [*kept, here]


def differing(places: Sequence[Place]) -> list[str]:
    """What is not the same in all places, of each in one line: `learning rate 0.1, step 60`.

    What only one of two parts has, and has by default, goes without saying.
    """
    tables = [_settings(place) for place in places]
    paths = dict.fromkeys(path for table in tables for path in table)
    differ = [
        path
        for path in paths
        if len({table[path].value for table in tables if path in table}) > 1
        or not all(path in table for table in tables)
    ]
    return [
        ", ".join(
            f"{table[path].label} {table[path].value}"
            for path in differ
            if path in table and not (table[path].usual and _missing(path, tables))
        )
        or "the same settings"
        for table in tables
    ]


@dataclass(frozen=True)
class _Setting:
    """A setting in words, and whether its value is the usual one."""

    label: str
    value: str
    usual: bool = False


def _missing(path: str, tables: Sequence[dict[str, _Setting]]) -> bool:
    return not all(path in table for table in tables)


def _settings(place: Place) -> dict[str, _Setting]:
    """All that makes a run and its picture, by path."""
    found = {
        entry.path: _Setting(
            entry.field.label,
            in_words(entry.value),
            entry.value == entry.field.default,
        )
        for entry in form_model.rows(place.start)
        if not entry.path.startswith("display.")
    }
    for change in place.changes:
        old = found[change.path]
        value = f"{old.value}, from step {change.step} {in_words(change.value)}"
        found[change.path] = _Setting(old.label, value)
    if place.origin is not None:
        found["origin"] = _Setting("started at", place.origin.words())
    step = place.step if place.seen is None else place.seen
    found["step"] = _Setting("step", str(step))
    return found
