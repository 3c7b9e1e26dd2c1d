"""Try a claim of the literature: list the labs, run one, or report on all with fresh seeds.

`landscape lab list` names the labs with their questions. `landscape lab run NAME` computes its
seeds and prints the verdict; with `-o FOLDER` it also writes the dataset and the figure.
`landscape lab report` runs all of them, or those named, on seeds that were not used before, and
writes a page with pictures. What was computed is kept: a command that was stopped goes on.
"""

import argparse
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import SpecError

if TYPE_CHECKING:
    from landscape_core.labs.base import Lab

USUAL, MANY, CHEAP = 40, 100, 2.0
"""Seeds of a report, and how many it takes of labs that need less than so many seconds a seed. The
numbers are fixed: adding seeds until they decide makes a wrong verdict likelier than 5 %."""


WHOLE = re.compile("[0-9]{1,18}")
"""A seed, or how many; `int` also reads 1_0, which is neither."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from landscape_lab.cli._options import add_backend

    parser.add_argument("what", choices=("list", "run", "report"), help="what to do")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="labs; of `report`, all by default"
    )
    parser.add_argument(
        "--seeds",
        metavar="SEEDS",
        help="how many seeds, from 0 on (of `report` from 5000 on), or a list as 3,5,8-20",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="a setting of the lab, for instance learning_rate=0.1; see `landscape list labs`",
    )
    parser.add_argument("--again", action="store_true", help="compute anew what is kept")
    parser.add_argument(
        "-o", "--output", dest="folder", type=Path, metavar="FOLDER", help="where files are written"
    )
    add_backend(parser)


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Do what was asked, and print the results."""
    if asked.what == "list":
        yield from _listed(asked)
        return
    if asked.what == "run" and len(asked.names) != 1:
        raise SpecError("NAME", " ".join(asked.names), "the name of one lab; `lab list` has them")
    if asked.what == "report" and asked.set:
        raise SpecError("--set", asked.set[0], "left out: a report is about the default settings")
    yield from _tried(asked) if asked.what == "run" else _reported(asked)


def _listed(asked: argparse.Namespace) -> Iterator[str]:
    """The labs by family, each with its question."""
    from landscape_core.foundation.registry import entries, find
    from landscape_core.labs.base import Lab, by_family

    known = {name: find(Lab, name) for name in asked.names or entries(Lab)}
    for family, names in by_family(known).items():
        yield family
        for name in names:
            yield f"  {name:<20} {known[name].question} ({known[name].seconds:.0f} s)"


def _tried(asked: argparse.Namespace) -> Iterator[str]:
    from landscape_core.labs import progress
    from landscape_core.storage import netcdf
    from landscape_lab.cli._options import backend
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.user_store import user_store

    lab = _lab(asked.names[0], asked.set)
    seeds = _seeds(asked.seeds, 0, type(lab).seeds)
    if asked.folder:
        _make(asked.folder)  # not after minutes of work
    work = progress(lab, seeds, backend=backend(asked), store=user_store(), again=asked.again)
    found = shown(work, asked.names[0], "seed")
    yield type(lab).label
    yield f"  {type(lab).question}"
    yield f"  {found.attrs['verdict_in_words']}"
    yield f"  expected: {type(lab).expected}; {type(lab).source}"
    if asked.folder:
        for path in (asked.folder / f"{asked.names[0]}.nc", asked.folder / f"{asked.names[0]}.png"):
            if path.suffix == ".nc":
                netcdf.save(found, path)
            else:
                _draw(found, path)
            yield f"  {path}"


def _reported(asked: argparse.Namespace) -> Iterator[str]:
    from landscape_core.foundation.registry import entries, find
    from landscape_core.labs import progress
    from landscape_core.labs.base import Lab
    from landscape_lab.cli._lab_page import Tried, page
    from landscape_lab.cli._options import backend
    from landscape_lab.cli.progress_bar import shown
    from landscape_lab.state.lab_place import FRESH
    from landscape_lab.state.user_store import user_store

    names = asked.names or sorted(entries(Lab).shipped())
    kinds = {name: find(Lab, name) for name in names}
    folder = asked.folder
    if folder:
        _make(folder / "labs")
    tried = []
    for name, kind in kinds.items():
        began = time.monotonic()
        seeds = _seeds(asked.seeds, FRESH, MANY if seconds_a_seed(kind) < CHEAP else USUAL)
        work = progress(
            kind(), seeds, backend=backend(asked), store=user_store(), again=asked.again
        )
        found = shown(work, name, "seed")
        tried.append(Tried(name, kind, found, time.monotonic() - began))
        if folder:
            _draw(found, folder / "labs" / f"{name}.png", small=True)
        yield f"{name}: {found.attrs['verdict_in_words']} (expected: {kind.expected})"
    if folder:
        from landscape_core.storage import atomic_files

        atomic_files.write(folder / "labs.md", [page(tried, usual=not asked.seeds).encode()])
        yield str(folder / "labs.md")


def seconds_a_seed(kind: "type[Lab]") -> float:
    """Seconds that a seed of a lab takes on one core, about."""
    return 2 * kind.seconds / kind.seeds


def _draw(found: object, path: Path, *, small: bool = False) -> None:
    """Write the figure of a lab; `small`: for a page, with fewer dots and colours."""
    from landscape_core.storage import atomic_files
    from landscape_lab.cli._lab_page import smaller
    from landscape_lab.figures.matplotlib.plotting import picture

    drawn = picture(found, "png", settings="")  # type: ignore[arg-type]
    atomic_files.write(path, [smaller(drawn) if small else drawn])


def _make(folder: Path) -> None:
    """Make a folder for what is written.

    Raises:
        SpecError: there is a file of that name, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        accepted = f"a folder, or one that can be made ({error.strerror})"
        raise SpecError("--output", str(folder), accepted) from None


def _lab(name: str, settings: list[str]) -> "Lab":
    """The lab of a name with its settings.

    Raises:
        SpecError: no such lab or field, or a value that is not accepted.
    """
    from landscape_core.foundation.registry import find
    from landscape_core.labs.base import Lab
    from landscape_lab.state.form_model import assign

    lab = find(Lab, name)()
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals:
            raise SpecError("--set", setting, "FIELD=VALUE")
        lab = assign(lab, field, value)
    return lab


def _seeds(text: str | None, first: int, usual: int) -> list[int]:
    """The seeds that `--seeds` asks for: a number of them, or a list with ranges.

    Raises:
        SpecError: it is neither.
    """
    from landscape_core.labs.base import MOST_SEEDS

    accepted = f"how many (at most {MOST_SEEDS:,}), or a list as 3,5,8-20"
    if text is None:
        return list(range(first, first + usual))
    found: list[int] = []
    parts = text.split(",")
    for part in parts:
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(WHOLE.fullmatch(end) for end in ends):
            raise SpecError("--seeds", text, accepted)
        low, high = int(ends[0]), int(ends[-1])
        if len(parts) == len(ends) == 1:
            low, high = first, first + low - 1
        if not 0 <= high - low < MOST_SEEDS:
            raise SpecError("--seeds", text, accepted)
        found += range(low, high + 1)
    return found
