"""Settings on the command line: an option for the usual ones, and `--set PATH=VALUE` for all.

A setting has one name everywhere: its path as in a link of the app, `run.optimizer.learning_rate`
or `slice.span`. On the command line its end is enough where no other path of the command has it.
"""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

import xarray as xr

from landscape_core.experiments.trajectory import run_of, with_run
from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import Choice, Recipe, fields_of, name_of
from landscape_core.foundation.registry import entries
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run
from landscape_lab.state.form_model import Entry, assign, rows

R = TypeVar("R", bound=Recipe)

Sections = Mapping[str, Recipe]
"""What a command lets one set: recipes by the first word of their settings' paths."""

LISTED = 8
"""Names that the help of an option lists; of more it tells where they are listed."""


def add_settings(
    parser: argparse.ArgumentParser,
    sections: Sections,
    paths: Sequence[str],
    runs: Sequence[str] = (),
) -> None:
    """Add `--set`, and an option for each of these paths, named by its last word.

    A path may be one that exists only with another choice, as `slice.directions.normalization`.
    What is below the paths of `runs` is not listed.
    """
    known = _rows(sections)
    for path in paths:
        name = path.rpartition(".")[2]
        parser.add_argument(
            "--" + name.replace("_", "-"),
            dest=path,
            metavar="VALUE",
            help=_help(known[path]) if path in known else f"where {path.split('.')[-2]} have it",
        )
    below = tuple(f"{run}." for run in runs)
    others = [path for path in known if path not in paths and not path.startswith(below)]
    ending = " (* as `landscape train --help` lists them for run.)" if runs else ""
    others += [f"{run}.*" for run in runs]
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="any other setting, by its path or the end of it: " + ", ".join(others) + ending,
    )


def configured(name: str, recipe: R, options: argparse.Namespace, paths: Sequence[str]) -> R:
    """The recipe of a command's one section, as `configured_sections` gives it."""
    return cast(R, configured_sections({name: recipe}, options, paths)[name])


def configured_sections(
    sections: Sections, options: argparse.Namespace, paths: Sequence[str]
) -> dict[str, Recipe]:
    """The recipes with the options that were given, then each `--set PATH=VALUE`.

    Raises:
        LandscapeError: `--set` without a value.
        SpecError: no such setting, one that several paths end with, or a value that is refused.
    """
    found = dict(sections)
    given = [(path, value) for path in paths if (value := getattr(options, path)) is not None]
    for setting in options.set:
        path, equals, value = setting.partition("=")
        if not equals:
            raise LandscapeError(f"--set takes PATH=VALUE; got {setting!r}.")
        given.append((path, value))
    for name, value in given:
        if name in paths:
            _check_there(name, value, found)
        section, _, path = _full_path(name, found).partition(".")
        found[section] = assign(found[section], path, value)
    return found


def _full_path(name: str, sections: Sections) -> str:
    """The path of a setting that is given by its path, or by the end of it."""
    known = _rows(sections)
    if name in known:
        return name
    ending = [path for path in known if path.endswith("." + name)]
    if len(ending) == 1:
        return ending[0]
    if not ending and name.partition(".")[0] in sections and "." in name:
        return name  # what is wrong with it, its recipe says best
    if ending:
        raise SpecError("a setting", name, "longer, to be one of " + ", ".join(ending))
    last = {path.rpartition(".")[2]: path for path in known}
    near = difflib.get_close_matches(name.rpartition(".")[2], last, n=1)
    hint = f" (did you mean {last[near[0]]!r}?)" if near else ""
    raise SpecError("a setting", name, f"one that --help lists{hint}")


def _check_there(path: str, value: str, sections: Sections) -> None:
    """Refuse an option of another part than the one that is chosen, and name those that have it.

    Raises:
        SpecError: the chosen part has no such field.
    """
    known = _rows(sections)
    owner, _, field = path.rpartition(".")
    if path in known or owner not in known:
        return
    kinds: Mapping[str, type[Recipe]] = entries(known[owner].field.type)
    having = [n for n, kind in kinds.items() if field in {f.name for f in fields_of(kind)}]
    chosen = owner.rpartition(".")[2]
    accepted = f"left out, or given with another choice of {chosen}: {', '.join(having)}"
    raise SpecError(f"--{field.replace('_', '-')}", value, accepted)


def _rows(sections: Sections) -> dict[str, Entry]:
    return {row.path: row for name, recipe in sections.items() for row in rows(recipe, f"{name}.")}


def _help(row: Entry) -> str:
    """The meaning of a field, the names that it accepts where these are few, and its default."""
    names: Sequence[str] = ()
    if isinstance(row.field.mark, Choice):
        names = row.field.mark.options
    elif isinstance(row.value, Recipe):
        names = list(entries(row.field.type))
    told = row.field.help
    if len(names) > LISTED:
        told += f"; one of {len(names)}, see `landscape list`"
    elif names:
        told += f"; one of {', '.join(names)}"
    default = name_of(type(row.value)) if isinstance(row.value, Recipe) else row.value
    if default != "":
        told += (
            f" (default: {default:g})" if isinstance(default, float) else f" (default: {default})"
        )
    return told.replace("%", "%%")


def slice_settings(
    path: xr.Dataset, options: argparse.Namespace, spec: SliceSpec, paths: Sequence[str]
) -> tuple[xr.Dataset, SliceSpec]:
    """A trajectory, whose data files may be in another folder now, and a slice as it is asked for.

    Args:
        path: what `landscape train` wrote.
        options: of the command line.
        spec: the slice with the command's own defaults.
        paths: the settings that have options.

    Raises:
        FileFormatError: the dataset is no trajectory.
        SpecError: settings of another run, or values that are refused.
    """
    found = configured_sections({"run": run_of(path), "slice": spec}, options, paths)
    run, asked = found["run"], found["slice"]
    assert isinstance(run, Run)
    assert isinstance(asked, SliceSpec)
    return with_run(path, run), asked
