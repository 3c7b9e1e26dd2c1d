"""Files written whole or not at all, and what writers that were killed have left behind.

A file is written next to its destination under a name that says whose it is, then renamed: who
reads sees the old file or the new one. The name of an unfinished file holds a mark of the machine
and the process, so that others can tell whether its writer still lives.
"""

import contextlib
import hashlib
import os
import platform
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PART, DAMAGED = ".part", ".damaged"
"""How the names of unfinished files end, and of files that were set aside."""

ABANDONED = 3600.0
"""Seconds after which a damaged file is removed, and an unfinished one of another machine."""

PROBE = 2**16
"""Bytes that are written to see whether there is room."""

UNFINISHED = re.compile(r"\..*\.([0-9a-f]{12})\.(\d{1,9})\.[0-9a-f]{8}\.part")
"""The name of an unfinished file: its place, the machine, the process, a random number."""

KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISLNK: "a symbolic link",
    stat.S_ISDIR: "a folder",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
}
"""What a place may hold that is no regular file."""


@dataclass(frozen=True, order=True)
class File:
    """A file, its bytes, and when it was last used, in seconds since 1970; in the order of use."""

    used: float
    size: int
    path: Path


def write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write chunks one after the other as one file, whole or not at all.

    Raises:
        OSError: the place cannot be written to, or holds something else than a regular file.
    """
    beside = _beside(path)
    try:
        _fill(beside, chunks)
        check_target(path)
        beside.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno and not error.filename:  # of a write
            error.filename = str(path)
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def check_target(path: Path) -> None:
    """Refuse a place where a file may not be written: a renamed file would replace what is there.

    A folder above that is a symbolic link is followed.

    Raises:
        FileNotFoundError: its folder is not there.
        FileExistsError: it holds a symbolic link, a folder, a device, a pipe or a socket.
        PermissionError: its folder may not be written to.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path}: the folder {path.parent} may not be written to.")
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        found = next((words for kind, words in KINDS.items() if kind(mode)), "no regular file")
        raise FileExistsError(f"{path} is {found}; only a regular file is replaced.")


def check_output(path: Path) -> None:
    """Refuse a place where a file cannot be written, by writing one next to it and removing it.

    Raises:
        OSError: as `check_target`; or the disk is full or read-only, or the name is too long.
    """
    if "\0" in str(path):
        raise FileNotFoundError(f"{str(path)!r} is no name of a file.")
    check_target(path)
    beside = _beside(path)
    try:
        _fill(beside, [bytes(PROBE)])
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"nothing can be written there ({reason})", str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def deserted(name: str) -> bool:
    """Whether the writer of an unfinished file has certainly ended: it ran here, and is no more."""
    found = UNFINISHED.fullmatch(name)
    return found is not None and found[1] == machine() and not _runs(int(found[2]))


def machine() -> str:
    """A mark, 12 hexadecimal digits, of where a process number means something.

    That is one start of one machine, and there one set of processes: two containers may share a
    machine and a folder, and number their processes alike.
    """
    marks = [platform.node()]
    try:
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        pass  # not Linux: the name of the machine has to do
    return hashlib.blake2b("\n".join(marks).encode(), digest_size=6).hexdigest()


def listed(folder: Path, ending: str) -> list[File]:
    """The files of a folder whose names have an ending, those not used for longest first."""
    found = []
    for path in _named(folder, ending):
        with contextlib.suppress(OSError):  # another process has just removed it
            known = path.stat()
            found.append(File(known.st_mtime, known.st_size, path))
    return sorted(found)


def removed(path: Path) -> bool:
    """Whether a file was there and could be removed."""
    try:
        path.unlink()
    except OSError:
        return False
    return True


def shrink(found: list[File], limit: float) -> list[File]:
    """Remove files from the first on until the others take no more bytes than a limit; those."""
    excess, gone = sum(file.size for file in found) - limit, []
    for file in found:
        if excess <= 0:
            break
        if removed(file.path):
            gone.append(file)
            excess -= file.size
    return gone


def tidy(folder: Path) -> list[str]:
    """Remove what dead writers have left, and old damaged files; their names."""
    before = time.time() - ABANDONED
    gone = [path for path in _named(folder, PART) if deserted(path.name) and removed(path)]
    aged = [*listed(folder, PART), *listed(folder, DAMAGED)]
    gone += [file.path for file in aged if file.used < before and removed(file.path)]
    return sorted(path.name for path in gone)


def _named(folder: Path, ending: str) -> Iterator[Path]:
    try:
        with os.scandir(folder) as found:
            names = [file.name for file in found if file.name.endswith(ending)]
    except OSError:  # somebody has removed the folder
        return
    # The name of an unfinished file begins with a dot; other hidden files are not ours.
    yield from (folder / name for name in names if name.startswith(".") == (ending == PART))


def _beside(path: Path) -> Path:
    """The name of an unfinished file next to its destination, with its writer."""
    owner = f"{machine()}.{os.getpid()}.{secrets.token_hex(4)}"
    return path.with_name(f".{path.name}.{owner}{PART}")


def _fill(path: Path, chunks: Iterable[bytes]) -> None:
    # By hand: a network's disk may tell only on closing that it is full, and this must be heard.
    binary = getattr(os, "O_BINARY", 0)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)
    try:
        for chunk in chunks:
            left = memoryview(chunk)
            while left:
                left = left[os.write(file, left) :]
    finally:
        os.close(file)


def _runs(process: int) -> bool:
    if os.name != "posix":
        return True  # elsewhere signal 0 is no question; age decides
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
