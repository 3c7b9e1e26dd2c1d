"""Landscape Lab on the command line: train, slice, analyse, plot, list, cache, open the app.

A command is a module of this package: its docstring is its help, `options` adds its options, `run`
executes it. A command imports the engine only when it runs, so that `--help` is fast. Exit codes: 0
success, 1 failure, 2 usage error.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from landscape_core.foundation.errors import LandscapeError

COMMANDS = (
    *("train", "slice", "plot", "curvature", "connect", "convexity", "planes"),
    *("diagnose", "metrics", "picture", "list", "app", "serve", "warm", "cache", "paths"),
)
"""The modules of the commands, in the order of the help."""

WITHOUT_PARTS = ("plot", "app", "serve", "warm", "cache", "paths")
"""Commands that make no part of the user's own."""


OPTION = re.compile(r"--[a-z][a-z-]*")
NEGATIVE_LIST = re.compile(r"-[.\d][^=]*,.*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = parser(words).parse_args(_with_negative_lists(words))
        if getattr(options, "output", None):
            from landscape_core.storage.netcdf import check_folder

            check_folder(options.output)  # not after minutes of work
        for line in options.run(options) or ():
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (LandscapeError, OSError) as error:  # a full disk, a folder that may not be written to
        print(f"landscape: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("landscape: interrupted", file=sys.stderr)
        return 130
    return 0


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The argument parser: all commands with their help; options of the given command only."""
    meant = next((word for word in words if not word.startswith("-")), None)
    made = argparse.ArgumentParser(prog="landscape", description=_first_line(__doc__))
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f"landscape_lab.cli.{name}")
        docstring = (module.__doc__ or "").strip()
        command = commands.add_parser(name, help=_first_line(docstring), description=docstring)
        command.set_defaults(run=module.run)
        if name == meant:
            if name not in WITHOUT_PARTS:
                _add_parts(command, words)
            module.options(command)
    return made


def _with_negative_lists(words: Sequence[str]) -> list[str]:
    """The words with `--extent -0.5,1.5` as `--extent=-0.5,1.5`, which argparse requires."""
    joined: list[str] = []
    for word in words:
        if joined and OPTION.fullmatch(joined[-1]) and NEGATIVE_LIST.fullmatch(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _add_parts(command: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Add `--parts`, and load the files that it names: options list what is in them."""
    asking = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for one, told in ((asking, None), (command, "a Python file with classes of your own to use")):
        one.add_argument("--parts", action="append", default=[], metavar="FILE", help=told)
    if files := asking.parse_known_args(words)[0].parts:
        from landscape_lab.cli._parts_file import load

        for file in files:
            load(Path(file))


def _first_line(docstring: str | None) -> str:
    """The first line of a docstring, which `python -OO` removes."""
    return (docstring or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
