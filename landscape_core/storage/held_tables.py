"""Tables that were uploaded: kept for as long as a session, and named by their content.

A table is named `sha256:` and the digest of its bytes, which says nothing of whose file it is or
where it lies. It is a file of this machine for as long as a session holds it, so that every process
of this user can read it; afterwards the name leads nowhere, and an error says which file is needed.
"""

import hashlib
import os
import re
import secrets
import shutil
import tempfile
import weakref
from pathlib import Path

import psutil

from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.foundation.memory import amount

SCHEME = "sha256:"
NAME = re.compile(r"sha256:([0-9a-f]{64})")

LARGEST = 2**23
"""Bytes of an uploaded table."""

MOST = 4
"""Tables that one session holds; the oldest are dropped."""

ENDINGS = (".csv", ".tsv", ".txt", ".npz", ".parquet")

FOLDER = re.compile(r"(\d{1,9})-[0-9a-f]{16}")
"""The name of the folder of a session: the process, a random number."""


class HeldTables:
    """The uploaded tables of one session; they are removed with it, or with the process."""

    def __init__(self) -> None:
        """No table yet, and no folder."""
        self._folder: Path | None = None
        self._held: dict[str, Path] = {}
        self._removal: weakref.finalize[..., HeldTables] | None = None

    def hold(self, content: bytes, name: str) -> str:
        """Keep a table, and return the name by which it can be read: `sha256:` and its digest.

        Args:
            content: the bytes of the file.
            name: the name of the file, whose ending says what it is.

        Raises:
            SpecError: the ending is that of no table.
            FileFormatError: it is larger than an upload may be.
        """
        ending = Path(name).suffix.lower()
        if ending not in ENDINGS:
            raise SpecError("the file", name, f"a table: {', '.join(ENDINGS)}")
        if len(content) > LARGEST:
            raise FileFormatError(
                f"The table has {amount(len(content))}; at most {amount(LARGEST)} can be uploaded."
            )
        digest = hashlib.sha256(content).hexdigest()
        self._held.pop(SCHEME + digest, None)
        path = self._made() / f"{digest}{ending}"
        for other in path.parent.glob(f"{digest}.*"):
            other.unlink()
        path.write_bytes(content)
        self._held[SCHEME + digest] = path
        while len(self._held) > MOST:
            self._held.pop(next(iter(self._held))).unlink(missing_ok=True)
        return SCHEME + digest

    def renew(self, name: str) -> None:
        """Count a table that is held as the newest."""
        self._held[name] = self._held.pop(name)

    def __contains__(self, name: object) -> bool:
        """Whether this session holds the table of that name."""
        return name in self._held

    def release(self) -> None:
        """Remove all tables of the session."""
        if self._removal is not None:
            self._removal()
        self._held.clear()
        self._folder = self._removal = None

    def _made(self) -> Path:
        if self._folder is None:
            root = _root()
            root.mkdir(mode=0o700, exist_ok=True)
            _check_own(root)
            _remove_abandoned(root)
            self._folder = root / f"{os.getpid()}-{secrets.token_hex(8)}"
            self._folder.mkdir(mode=0o700)
            self._removal = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder


def is_name(path: str) -> bool:
    """Whether this is the name of an uploaded table rather than a path."""
    return path.startswith(SCHEME)


def held_table(name: str) -> Path:
    """The file of an uploaded table.

    Raises:
        MissingDataError: no session of this machine holds it; says what is needed.
    """
    found = NAME.fullmatch(name)
    if found:
        for path in _root().glob(f"*/{found[1]}.*"):
            if path.suffix in ENDINGS and _digest(path) == found[1]:
                return path
    raise needed_table(name)


def needed_table(name: str) -> MissingDataError:
    """The error that says which file is needed, by the first characters of its digest."""
    return MissingDataError(
        f"The file of a table that was uploaded in another session is needed ({shown_name(name)}):"
        " choose “your own table” and upload it here. A link holds no data."
    )


def shown_name(name: str) -> str:
    """The digest of a table, shortened, in words."""
    digest = name.removeprefix(SCHEME)
    return f"SHA-256 {digest[:12]}…" if NAME.fullmatch(name) else "of unknown content"


def _root() -> Path:
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir(), f"landscape-lab-{owner}-tables")


def _check_own(root: Path) -> None:
    """Refuse a folder that another user of the machine has made, or may write to."""
    found = root.lstat()
    other = hasattr(os, "getuid") and found.st_uid != os.getuid()
    if (
        other
        or not root.is_dir()
        or root.is_symlink()
        or (os.name == "posix" and found.st_mode & 0o77)
    ):
        raise MissingDataError(f"{root} is not a folder of this user alone: remove it.")


def _remove_abandoned(root: Path) -> None:
    """Remove what processes have left that were killed."""
    for folder in root.iterdir():
        found = FOLDER.fullmatch(folder.name)
        if found and not psutil.pid_exists(int(found[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # it was removed meanwhile
        return ""
