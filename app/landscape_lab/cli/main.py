"""Landscape Lab on the command line: train, slice, analyse, plot, list, cache, open the app.

A command is a module of this package: its docstring is its help, `options` adds its options, `run`
executes it. A command imports the engine only when it runs, so that `--help` is fast. Exit codes: 0
success, 1 failure, 2 usage error.
"""

import argparse
import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from landscape_core.foundation.errors import LandscapeError
from landscape_lab.state.failures import sentence
from landscape_lab.state.plain_text import one_line, plain_output

COMMANDS = (
    *("train", "slice", "plot", "curvature", "connect", "convexity", "planes"),
    *("diagnose", "metrics", "explain", "picture", "lab", "list"),
    *("app", "serve", "warm", "site", "cache", "paths"),
)
"""The modules of the commands, in the order of the help."""

WITHOUT_PARTS = ("plot", "app", "serve", "warm", "site", "cache", "paths")
"""Commands that make no part of the user's own."""


DEBUG = "--debug"

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of a disk after work is done."""

KEPT = (
    "What could be kept is in the cache (`landscape cache list`): the same command with another "
    "--output does not compute that again."
)

OPTION = re.compile(r"--[a-z][a-z-]*")
NEGATIVE_LIST = re.compile(r"-[.\d][^=]*,.*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code. Failures are one sentence; `--debug` shows where."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    debug = DEBUG in words
    with plain_output():
        try:
            return _run([word for word in words if word != DEBUG])
        except BrokenPipeError:  # who reads has seen enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except KeyboardInterrupt:
            print("landscape: interrupted", file=sys.stderr)
            return 130
        except Exception as error:  # the last catch: a sentence is what a user can act upon
            if debug:
                traceback.print_exc()
            print(f"landscape: {_told(error)}", file=sys.stderr)
            return 1


def _run(words: list[str]) -> int:
    options = parser(words).parse_args(_with_negative_lists(words))
    if getattr(options, "output", None) is not None:
        from landscape_core.storage.atomic_files import check_output

        check_output(Path(options.output))  # not after minutes of work
        _check_unasked(options)
    for line in options.run(options) or ():
        print(line)
    sys.stdout.flush()
    return 0


def _check_unasked(options: argparse.Namespace) -> None:
    """Refuse to replace a file under the default name, which nobody has named.

    Raises:
        LandscapeError: there is one; says how to go on.
    """
    named = options.output is not getattr(options, "usual", None)
    if named or options.force or getattr(options, "estimate", False):
        return
    if Path(options.output).exists():
        raise LandscapeError(
            f"{options.output} exists and would be replaced: name the output by -o, or add --force."
        )


def _told(error: Exception) -> str:
    """A failure in one line of plain text, and what to do about it."""
    words = one_line(sentence(error))
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"{words}. {KEPT}"
    expected = isinstance(error, LandscapeError | OSError)
    return words if expected else f"{words} ({DEBUG} shows where)"


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The argument parser: all commands with their help; options of the given command only."""
    meant = next((word for word in words if not word.startswith("-")), None)
    made = argparse.ArgumentParser(prog="landscape", description=_first_line(__doc__))
    made.add_argument(DEBUG, action="store_true", help="show where in the program an error arose")
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
            _add_force(command)
    return made


def _add_force(command: argparse.ArgumentParser) -> None:
    """Add `--force` where an output has a default name, whose file is not replaced unasked."""
    if (usual := command.get_default("output")) is not None:
        told = f"replace {usual} if it exists; a file named by -o is replaced anyway"
        command.add_argument("--force", action="store_true", help=told)
        command.set_defaults(usual=usual)


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
