"""List, verify, prune or clear cached results."""

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import LandscapeError

if TYPE_CHECKING:
    from landscape_core.storage.store import Store


PLURALS = {"slice": "slices", "trajectory": "trajectories", "other": "others"}
"""Plural forms of the kinds of results."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    made = {}
    for name, act in {"list": run, "verify": verify, "prune": prune, "clear": clear}.items():
        told = act.__doc__ or ""
        made[name] = actions.add_parser(name, help=told, description=told)
        made[name].set_defaults(run=act)
    made["prune"].add_argument(
        "--limit-mb", type=float, metavar="X", help="maximum size in megabytes"
    )
    made["prune"].add_argument(
        "--older-than", type=float, metavar="DAYS", help="remove results not used for this long"
    )


def run(_: argparse.Namespace) -> None:
    """List cached results, most recently used first."""
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
    """Verify the checksums of all cached results; the exit code is 1 if any are damaged."""
    kept = _kept()
    found = kept.verify()
    print(f"{_counted(found.good)} verified")
    if found.leftover:
        print(f"removed {len(found.leftover)} left by interrupted writes")
    print(_total(kept))
    if found.damaged:
        raise LandscapeError(
            f"{_counted(len(found.damaged))} damaged and quarantined; recomputed when "
            f"needed: {', '.join(found.damaged)}"
        )


def prune(asked: argparse.Namespace) -> None:
    """Remove old results, and the least recently used above a size limit."""
    kept = _kept()
    gone = kept.prune(asked.limit_mb, asked.older_than)
    print(f"removed {_counted(gone.number)}, {_megabytes(gone.size)}")
    print(_total(kept))


def clear(_: argparse.Namespace) -> None:
    """Remove all cached results."""
    kept = _kept()
    print(f"removed {_counted(kept.clear())}")
    print(_total(kept))


def _kept() -> "Store":
    from landscape_lab.state.user_store import user_store

    return user_store()


def _total(kept: "Store") -> str:
    """The content, size limit and folder of the store in one line."""
    found = kept.entries()
    limit = f"of {kept.limit_mb:g} MB at most, in {kept.folder}"
    if not found:
        return f"the cache is empty: 0 MB {limit}"
    kinds = Counter(entry.kind for entry in found)
    told = ", ".join(f"{number} {_named(kind, number)}" for kind, number in sorted(kinds.items()))
    size = _megabytes(sum(entry.size for entry in found))
    return f"{_counted(len(found))} ({told}): {size} {limit}"


def _named(kind: str, number: int) -> str:
    """The name of a kind of results, in the plural unless there is one."""
    return kind if number == 1 else PLURALS.get(kind, kind)


def _megabytes(size: int) -> str:
    from landscape_core.storage.store import MEGABYTE

    return f"{size / MEGABYTE:.2f} MB"


def _counted(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"
