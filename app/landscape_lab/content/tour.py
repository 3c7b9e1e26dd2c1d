"""Guided tours: one Markdown file each, from `tours/` and from a user's folder.

A tour has front matter between two lines `---`, and a step at every `## ` heading. A fenced block
named `place` gives the settings of a step: a copied link, or lines `path: value`. A quotation that
begins with `Question:` is shown as a question; an `Answer:` is folded until requested. HTML in a
file is escaped, never rendered.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_lab.state.link import place
from landscape_lab.state.place import SAFE

GUIDES = Path(__file__).parent / "tours"
FOLDER = "LANDSCAPE_TOURS"
"""The environment variable with a folder of additional tours."""

HEAD = ("title", "summary", "level", "minutes")
"""The keys of the front matter."""

STANDS = ("tour", "at")
"""Keys of a copied link that refer to a tour, which a step ignores."""

LEVELS = ("beginner", "intermediate", "advanced", "")
"""Levels in the order of the list; optional in a tour."""

RULE = "---"
QUESTION, ANSWER = re.compile(r"^question:\s*", re.I), re.compile(r"^answer:\s*", re.I)


@dataclass(frozen=True)
class TourStep:
    """A step: its text and answer as safe HTML, and the link of its settings."""

    title: str
    html: str
    answer_html: str
    link: str | None


@dataclass(frozen=True)
class Tour:
    """A tour; one that cannot be read has no steps and an `error`."""

    name: str
    title: str
    summary: str
    steps: tuple[TourStep, ...]
    level: str = ""
    minutes: int = 0
    error: str = ""

    def words(self) -> dict[str, Any]:
        """The entry in the list of tours."""
        words = {key: getattr(self, key) for key in ("name", "title", "summary", "level", "error")}
        return {**words, "minutes": self.minutes, "steps": len(self.steps)}


def tours(folder: Path | None = None) -> dict[str, Tour]:
    """The tours of a folder by name; by default the built-in ones and those of `LANDSCAPE_TOURS`.

    The name is that of the file. A file that cannot be read is there too, with its error.
    """
    if folder is not None:
        return _listed([_read(path) for path in sorted(folder.glob("*.md"))])
    found = list(tours(GUIDES).values())
    named = os.environ.get(FOLDER)
    if named and not Path(named).is_dir():
        found.append(_broken(FOLDER, f"{FOLDER} must name a folder; there is none at {named}."))
    elif named:
        found += tours(Path(named)).values()
    return _listed(found)


def _listed(found: list[Tour]) -> dict[str, Tour]:
    """Tours by name, easier ones first; the later of two with the same name wins."""
    named = {tour.name: tour for tour in found}.values()
    order = sorted(named, key=lambda tour: (bool(tour.error), LEVELS.index(tour.level)))
    return {tour.name: tour for tour in order}


def tour(name: str, text: str) -> Tour:
    """Parse the text of a tour.

    Raises:
        FileFormatError: names the line, the error and what is accepted.
    """
    head, first = _head(text.splitlines())
    # Front matter becomes empty lines: those of the rest keep their numbers.
    body = "\n" * first + "\n".join(text.splitlines()[first:])
    steps = tuple(_Step(body).read(title, blocks) for title, blocks in _parts(body, first))
    return Tour(name=name, steps=steps, **head)


def _read(path: Path) -> Tour:
    try:
        return tour(path.stem, path.read_text("utf-8-sig"))
    except FileFormatError as error:
        return _broken(path.stem, f"{path.name}, {error}")
    except (OSError, UnicodeDecodeError) as error:
        return _broken(path.stem, f"{path.name} cannot be read as text: {error}")


def _broken(name: str, error: str) -> Tour:
    return Tour(name=name, title=name, summary="", steps=(), error=error)


def _wrong(line: int, text: str) -> FileFormatError:
    return FileFormatError(f"line {line}: {text}")


def _head(lines: list[str]) -> tuple[dict[str, Any], int]:
    """The front matter and its number of lines."""
    accepted = f"a tour begins with front matter between two lines {RULE}"
    if not lines or lines[0].strip() != RULE:
        raise _wrong(1, f"{accepted}; there is none.")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == RULE), None)
    if end is None:
        raise _wrong(1, f"{accepted}; the second line is missing.")
    try:
        said = yaml.safe_load("\n".join(lines[1:end])) or {}
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.line + 2 if error.problem_mark else 2
        raise _wrong(at, f"front matter has lines `key: value`; {error.problem}.") from None
    known = ", ".join(HEAD)
    if not isinstance(said, dict) or not said.get("title"):
        raise _wrong(2, f"front matter names a title; accepted are {known}.")
    if unknown := [key for key in said if key not in HEAD]:
        raise _wrong(_line_of(lines, str(unknown[0])), f"accepted are {known}; got {unknown[0]!r}.")
    for key, good, accepted in (
        ("minutes", isinstance(said.get("minutes", 0), int), "a whole number"),
        ("level", said.get("level", "") in LEVELS, "one of " + ", ".join(LEVELS[:-1])),
    ):
        if not good:
            raise _wrong(_line_of(lines, key), f"{key} must be {accepted}; got {said[key]!r}.")
    words: dict[str, Any] = {key: str(said.get(key, "")) for key in HEAD if key != "minutes"}
    return {**words, "minutes": said.get("minutes", 0)}, end + 1


def _line_of(lines: list[str], key: str) -> int:
    return next(i for i, line in enumerate(lines, 1) if line.startswith(key))


def _parts(body: str, first: int) -> Iterator[tuple[str, list[list[Token]]]]:
    """The title of each step, and its blocks: each the tokens from its opening to its end."""
    title: str | None = None
    blocks: list[list[Token]] = []
    for block in _blocks(_markdown().parse(body)):
        head = block[0]
        if head.type == "heading_open" and head.tag == "h2":
            if title is not None:
                yield title, blocks
            title, blocks = block[1].content, []
        elif title is None:
            raise _wrong(
                _line(head),
                "a step begins with a heading `## `; there is text before the first one.",
            )
        else:
            blocks.append(block)
    if title is None:
        raise _wrong(first + 1, "a step begins with a heading `## `; there is none.")
    yield title, blocks


def _blocks(tokens: list[Token]) -> Iterator[list[Token]]:
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _markdown() -> MarkdownIt:
    """Markdown without HTML; a link elsewhere opens a window of its own."""
    parser = MarkdownIt("commonmark", {"html": False}).disable("image")
    parser.add_render_rule("link_open", _link_open)
    return parser


def _link_open(renderer: Any, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    link = tokens[index]
    if not str(link.attrGet("href")).startswith("#"):
        link.attrSet("target", "_blank")
        link.attrSet("rel", "noopener")
    return str(renderer.renderToken(tokens, index, options, env))


class _Step:
    """Reads one step of a text."""

    def __init__(self, body: str) -> None:
        self._lines = body.splitlines()
        self._parser = _markdown()

    def read(self, title: str, blocks: list[list[Token]]) -> TourStep:
        """The step with this title and these blocks."""
        link, html, answers = None, [], []
        for block in blocks:
            head = block[0]
            if head.type == "fence" and head.info.strip() == "place":
                if link is not None:
                    raise _wrong(
                        _line(head), "a step has at most one block `place`; this is the second."
                    )
                link = _link(head)
            elif head.type == "blockquote_open":
                asked, answer = self._question(head)
                html.append(asked)
                answers.append(answer)
            else:
                html.append(self._parser.renderer.render(block, self._parser.options, {}))
        return TourStep(title, "".join(html), "".join(answers), link)

    def _question(self, quoted: Token) -> tuple[str, str]:
        """A quotation as HTML, and the answer in it as HTML; either may be empty."""
        first, end = quoted.map or (0, 0)
        lines = [re.sub(r"^\s*> ?", "", line) for line in self._lines[first:end]]
        cut = next((i for i, line in enumerate(lines) if ANSWER.match(line)), len(lines))
        asked, answer = "\n".join(lines[:cut]).strip(), "\n".join(lines[cut:])
        kind = ' class="question"' if QUESTION.match(asked) else ""
        asked = self._parser.render(QUESTION.sub("", asked))
        answer = self._parser.render(ANSWER.sub("", answer))
        return (f"<blockquote{kind}>{asked}</blockquote>" if asked else ""), answer


def _link(fence: Token) -> str:
    """The link of a block `place`; each line is validated, so that an error names its line."""
    words: list[tuple[str, str]] = []
    link = ""
    for number, line in enumerate(fence.content.splitlines(), _line(fence) + 1):
        text = line.strip()
        if not text or text.startswith("# "):
            continue
        path, colon, value = text.partition(":")
        if _is_link(text):
            words = parse_qsl(text.partition("#" if "#" in text else "?")[2])
            words = [word for word in words if word[0] not in STANDS]
        elif colon and value.strip():
            words.append((path.strip(), value.strip()))
        else:
            raise _wrong(number, f"a place has lines `path: value`, or a link; got {text!r}.")
        link = urlencode(words, quote_via=quote, safe=SAFE)
        try:
            place(link)
        except SpecError as error:
            raise _wrong(number, str(error)) from None
    if not link:
        raise _wrong(_line(fence), "a place has lines `path: value`, or a link; it is empty.")
    return link


def _is_link(text: str) -> bool:
    return text.startswith(("#", "?", "http://", "https://"))


def step_of(known: Mapping[str, Tour], name: str, at: int) -> TourStep:
    """A step of a tour by its number, from one.

    Raises:
        SpecError: no such tour, one that cannot be read, or no such step.
    """
    if name not in known:
        raise SpecError("tour", name, "one of " + ", ".join(known))
    steps = known[name].steps
    if not 1 <= at <= len(steps):
        raise SpecError("at", at, f"a step of this tour, 1 to {len(steps)}")
    return steps[at - 1]
