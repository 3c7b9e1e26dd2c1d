"""List, verify, prune or clear the kept results."""

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import LandscapeError

if TYPE_CHECKING:
    from landscape_core.storage.store import Store


PLURALS = {"slice": "slices", "trajectory": "trajectories", "other": "others"}
"""Kinds of results where there are several; of the unfinished there is no other word."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    made = {}
    for name, act in {"list": run, "verify": verify, "prune": prune, "clear": clear}.items():
        told = act.__doc__ or ""
        made[name] = actions.add_parser(name, help=told, description=told)
        made[name].set_defaults(run=act)
    made["prune"].add_argument(
        "--limit-mb", type=float, metavar="X", help="keep at most so many megabytes"
    )
    made["prune"].add_argument(
        "--older-than", type=float, metavar="DAYS", help="remove what was not used for so long"
    )


def run(_: argparse.Namespace) -> None:
    """List the kept results, the last used first."""
    from landscape_lab.cli._options import aligned

    kept = _kept()
    rows = [
        (
            entry.kind,
            _megabytes(entry.size),
            f"{entry.used.astimezone():%Y-%m-%d %H:%M}",
            entry.key[:12],
            entry.about,
        )
        for entry in kept.entries()
    ]
    if rows:
        print(aligned([("kind", "size", "last used", "key", "what"), *rows]))
    print(_total(kept))


def verify(_: argparse.Namespace) -> None:
    """Check every byte of the kept results; the exit code is 1 if some were damaged."""
    kept = _kept()
    found = kept.verify()
    print(f"{_counted(found.good)} in order")
    if found.leftover:
        print(f"removed {len(found.leftover)} left by processes that ended while writing")
    print(_total(kept))
    if found.damaged:
        raise LandscapeError(
            f"{_counted(len(found.damaged))} damaged and set aside, to be computed anew when asked "
            f"for: {', '.join(found.damaged)}"
        )


def prune(asked: argparse.Namespace) -> None:
    """Remove results not used for long, and the least recently used above a limit."""
    kept = _kept()
    gone = kept.prune(asked.limit_mb, asked.older_than)
    print(f"removed {_counted(gone.number)}, {_megabytes(gone.size)}")
    print(_total(kept))


def clear(_: argparse.Namespace) -> None:
    """Remove all kept results."""
    kept = _kept()
    print(f"removed {_counted(kept.clear())}")
    print(_total(kept))


def _kept() -> "Store":
    from landscape_lab.state.user_store import user_store

    return user_store()


def _total(kept: "Store") -> str:
    """What a store holds, its limit and its folder, in one line."""
    found = kept.entries()
    limit = f"of {kept.limit_mb:g} MB at most, in {kept.folder}"
    if not found:
        return f"nothing is kept: 0 MB {limit}"
    kinds = Counter(entry.kind for entry in found)
    told = ", ".join(f"{number} {_named(kind, number)}" for kind, number in sorted(kinds.items()))
    size = _megabytes(sum(entry.size for entry in found))
    return f"{_counted(len(found))} ({told}): {size} {limit}"


def _named(kind: str, number: int) -> str:
    """A kind of results, in the plural unless there is one."""
    return kind if number == 1 else PLURALS.get(kind, kind)


def _megabytes(size: int) -> str:
    from landscape_core.storage.store import MEGABYTE

    return f"{size / MEGABYTE:.2f} MB"


def _counted(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"
