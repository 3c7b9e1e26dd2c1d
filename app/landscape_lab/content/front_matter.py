"""The front matter of a tour: lines `key: value` between two lines `---`, as YAML."""

from collections.abc import Mapping
from typing import Any

import yaml

from landscape_core.foundation.errors import FileFormatError, shown

HEAD = ("title", "summary", "level", "minutes")
"""The keys of the front matter."""

LEVELS = ("beginner", "intermediate", "advanced", "")
"""Levels in the order of the list; optional in a tour."""

RULE = "---"
MOST_LINES = 100
LONGEST = 1000
"""Lines of the front matter, and characters of a value, at most."""


def wrong(line: int, text: str) -> FileFormatError:
    """The error about a line."""
    return FileFormatError(f"line {line}: {text}")


def front_matter(lines: list[str]) -> tuple[dict[str, Any], int]:
    """The title, summary, level and minutes, and the number of lines that they take.

    Raises:
        FileFormatError: names the line, the key and what is accepted.
    """
    end = _end(lines)
    said = _said(lines, end)
    _check(lines, said)
    words: dict[str, Any] = {key: str(said.get(key, "")) for key in HEAD if key != "minutes"}
    return {**words, "minutes": said.get("minutes", 0)}, end + 1


def _end(lines: list[str]) -> int:
    """The number of the line that ends it, from 0."""
    accepted = f"a tour begins with front matter between two lines {RULE}"
    if not lines or lines[0].strip() != RULE:
        raise wrong(1, f"{accepted}; there is none.")
    few = enumerate(lines[1 : MOST_LINES + 1], 1)
    end = next((i for i, line in few if line.strip() == RULE), None)
    if end is None:
        among = f" among the first {MOST_LINES} lines" if len(lines) > MOST_LINES else ""
        raise wrong(1, f"{accepted}; the second line is missing{among}.")
    return end


def _said(lines: list[str], end: int) -> dict[Any, Any]:
    """What the YAML between the lines says."""
    text = "\n".join(lines[1:end])
    if "&" in text and any(isinstance(token, yaml.AnchorToken) for token in _tokens(text)):
        raise wrong(2, "front matter has lines `key: value`; anchors `&` are not accepted.")
    try:
        said = yaml.safe_load(text) or {}
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.line + 2 if error.problem_mark else 2
        raise wrong(at, f"front matter has lines `key: value`; {error.problem}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date of month 13, a tab
        raise wrong(2, f"front matter has lines `key: value`; {_reason(error)}.") from None
    known = ", ".join(HEAD)
    if not isinstance(said, dict) or not said.get("title"):
        raise wrong(2, f"front matter names a title; accepted are {known}.")
    return said


def _tokens(text: str) -> list[Any]:
    try:
        return list(yaml.scan(text))
    except yaml.YAMLError:
        return []  # which reading says better


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _check(lines: list[str], said: Mapping[Any, Any]) -> None:
    """Refuse keys and values that are not accepted."""
    known = ", ".join(HEAD)
    if unknown := [key for key in said if key not in HEAD]:
        raise wrong(_line_of(lines, unknown[0]), f"accepted are {known}; got {shown(unknown[0])}.")
    for key in HEAD:
        value = said.get(key, "")
        plain = isinstance(value, str | int | float) or value is None
        if not plain or len(str(value)) > LONGEST:
            accepted = f"text of at most {LONGEST} characters"
            raise wrong(_line_of(lines, key), f"{key} must be {accepted}; got {shown(value)}.")
    minutes = said.get("minutes", 0)
    for key, good, accepted in (
        ("minutes", type(minutes) is int and 0 <= minutes < 10**4, "a whole number"),
        ("level", said.get("level", "") in LEVELS, "one of " + ", ".join(LEVELS[:-1])),
    ):
        if not good:
            where = _line_of(lines, key)
            raise wrong(where, f"{key} must be {accepted}; got {shown(said[key])}.")


def _line_of(lines: list[str], key: object) -> int:
    """The line that begins with a key, quoted or not; the second where none does."""
    starts = tuple(f"{quote}{key}" for quote in ("", '"', "'", "? "))
    return next((i for i, line in enumerate(lines, 1) if line.lstrip().startswith(starts)), 2)
