"""The fenced blocks of a tour: `place` with the settings of a step, `show` with its "Show me"."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import yaml
from markdown_it.token import Token

from landscape_core.foundation.errors import SpecError, shown
from landscape_lab.content.front_matter import wrong
from landscape_lab.state.lab_place import named_by, names_labs
from landscape_lab.state.link import place
from landscape_lab.state.place import SAFE
from landscape_lab.state.show_steps import ShowStep, show_steps

STANDS = ("tour", "at")
"""Keys of a copied link that refer to a tour, which a step ignores."""

MOST_SETTINGS = 200
"""Lines of a block."""


def line_of(token: Token) -> int:
    """The line of the file at which a token begins, from 1."""
    return token.map[0] + 1 if token.map else 1


def link_of(fence: Token) -> str:
    """The link of a block `place`; an error names the first line that is wrong.

    Raises:
        FileFormatError: the line and what is accepted.
    """
    words: list[tuple[str, str]] = []
    lines = [
        (number, line.strip())
        for number, line in enumerate(fence.content.splitlines(), line_of(fence) + 1)
        if line.strip() and not line.strip().startswith("# ")
    ]
    if len(lines) > MOST_SETTINGS:
        raise wrong(line_of(fence), f"a place has at most {MOST_SETTINGS} lines; got {len(lines)}.")
    for number, text in lines:
        words = _with_line(words, number, text)
    if not lines:
        raise wrong(line_of(fence), "a place has lines `path: value`, or a link; it is empty.")
    try:
        _check(_joined(words))
    except SpecError as error:
        raise wrong(*_first_refused(lines, error)) from None
    return _joined(words)


def shown_in(fence: Token, link: str | None) -> tuple[ShowStep, ...]:
    """The steps of a block `show`, checked against the settings of its step.

    Raises:
        FileFormatError: the line and what is accepted.
    """
    where = line_of(fence)
    if link is None or names_labs(link):
        raise wrong(where, "a block `show` needs a block `place` with settings of the landscape.")
    try:
        if any(isinstance(one, yaml.AnchorToken | yaml.AliasToken)
               for one in yaml.scan(fence.content)):  # fmt: skip
            raise wrong(where, "a block `show` is a YAML list of steps without anchors.")
        content: Any = yaml.safe_load(fence.content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise wrong(where, f"a block `show` is a YAML list of steps; {reason}.") from None
    try:
        return show_steps(content, place(link).scene)
    except SpecError as error:
        raise wrong(where, str(error)) from None


def _check(link: str) -> None:
    """Read the link of a step, of the landscape or of a lab.

    Raises:
        SpecError: it cannot be read.
    """
    if names_labs(link):
        named_by(link)
    else:
        place(link)


def _with_line(words: list[tuple[str, str]], number: int, text: str) -> list[tuple[str, str]]:
    """The settings with those of one more line; a link stands for all."""
    path, colon, value = text.partition(":")
    if _is_link(text):
        found = parse_qsl(text.partition("#" if "#" in text else "?")[2])
        return [word for word in found if word[0] not in STANDS]
    if colon and value.strip():
        return [*words, (path.strip(), value.strip())]
    raise wrong(number, f"a place has lines `path: value`, or a link; got {shown(text)}.")


def _first_refused(lines: list[tuple[int, str]], error: SpecError) -> tuple[int, str]:
    """The first line up to which the settings are refused, found by halving, and why."""
    low, high = 0, len(lines)  # the first `low` lines are accepted, the first `high` are not
    while high - low > 1:
        middle, words = (low + high) // 2, list[tuple[str, str]]()
        for number, text in lines[:middle]:
            words = _with_line(words, number, text)
        try:
            _check(_joined(words))
            low = middle
        except SpecError as earlier:
            high, error = middle, earlier
    return lines[high - 1][0], str(error)


def _joined(words: list[tuple[str, str]]) -> str:
    return urlencode(words, quote_via=quote, safe=SAFE)


def _is_link(text: str) -> bool:
    return text.startswith(("#", "?", "http://", "https://"))
