"""Guided tours: one Markdown file each, from `tours/` and from a user's folder.

A tour has front matter between two lines `---`, and a step at every `## ` heading. A fenced block
named `place` gives the settings of a step: a copied link, or lines `path: value`; one named `show`
what a button "Show me" does. A quotation that begins with `Question:` is shown as a question, one
with `Exercise:` as an exercise below it; the `Answer:` of each is folded until requested. HTML in a
file is escaped, never rendered.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from landscape_core.foundation.errors import FileFormatError, LandscapeError, SpecError
from landscape_core.storage.bounded_files import bounded_text
from landscape_lab.content.front_matter import LEVELS, front_matter, wrong
from landscape_lab.content.place_block import line_of, link_of, shown_in
from landscape_lab.state.show_steps import ShowStep

GUIDES = Path(__file__).parent / "tours"
FOLDER = "LANDSCAPE_TOURS"
"""The environment variable with a folder of additional tours."""

LARGEST = 2**20
"""Bytes of a tour's file that is read."""

MOST_TOURS = 200
"""Files of a folder that are read."""

MOST_STEPS = 200
"""Steps of a tour."""

QUESTION, ANSWER = re.compile(r"^question:\s*", re.I), re.compile(r"^answer:\s*", re.I)
EXERCISE = re.compile(r"^exercise:", re.I)


@dataclass(frozen=True)
class TourStep:
    """A step: its texts as safe HTML, the link of its settings, and its "Show me".

    `html` has the question, `answer_html` its answer; `exercise_html` the exercise, and
    `solution_html` the answer to that.
    """

    title: str
    html: str
    answer_html: str
    link: str | None
    show: tuple[ShowStep, ...] = ()
    exercise_html: str = ""
    solution_html: str = ""


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
        return _in_folder(folder)
    found = list(tours(GUIDES).values())
    named = os.environ.get(FOLDER)
    if named and not Path(named).is_dir():
        found.append(_broken(FOLDER, f"{FOLDER} must name a folder; there is none at {named}."))
    elif named:
        found += tours(Path(named)).values()
    return _listed(found)


def _few(steps: int) -> bool:
    if steps > MOST_STEPS:
        raise wrong(1, f"a tour has at most {MOST_STEPS} steps.")
    return True


def _in_folder(folder: Path) -> dict[str, Tour]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".md")
    except OSError as error:
        told = f"{folder} cannot be read ({error.strerror or error})."
        return _listed([_broken(folder.name, told)])
    found = [_read(path) for path in paths[:MOST_TOURS]]
    if len(paths) > MOST_TOURS:
        told = f"{folder} has {len(paths)} tours; the first {MOST_TOURS} are read."
        found.append(_broken(folder.name, told))
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
    head, first = front_matter(text.splitlines())
    # Front matter becomes empty lines: those of the rest keep their numbers.
    body = "\n" * first + "\n".join(text.splitlines()[first:])
    reader = _Step(body)
    parts = enumerate(_parts(body, first), 1)
    steps = tuple(reader.read(title, blocks) for number, (title, blocks) in parts if _few(number))
    return Tour(name=name, steps=steps, **head)


def _read(path: Path) -> Tour:
    """A tour, or one that says why its file cannot be read; nothing in a file stops the others."""
    try:
        return tour(path.stem, bounded_text(path, LARGEST))
    except FileFormatError as error:
        told = str(error).replace(str(path), path.name)  # not where it lies on a server
        return _broken(path.stem, f"{path.name}, {told}" if told.startswith("line ") else told)
    except (OSError, UnicodeDecodeError) as error:
        return _broken(path.stem, f"{path.name} cannot be read as text: {error}")
    except (LandscapeError, ValueError, LookupError, TypeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return _broken(path.stem, f"{path.name} cannot be read as a tour: {reason}")


def _broken(name: str, error: str) -> Tour:
    return Tour(name=name, title=name, summary="", steps=(), error=error)


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
            raise wrong(
                line_of(head),
                "a step begins with a heading `## `; there is text before the first one.",
            )
        else:
            blocks.append(block)
    if title is None:
        raise wrong(first + 1, "a step begins with a heading `## `; there is none.")
    yield title, blocks


def _blocks(tokens: list[Token]) -> Iterator[list[Token]]:
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


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
        link, fence = None, None
        html, answers, exercises, solutions = list[str](), list[str](), list[str](), list[str]()
        for block in blocks:
            head = block[0]
            if head.type == "fence" and head.info.strip() == "place":
                if link is not None:
                    raise wrong(
                        line_of(head), "a step has at most one block `place`; this is the second."
                    )
                link = link_of(head)
            elif head.type == "fence" and head.info.strip() == "show":
                fence = head
            elif head.type == "blockquote_open":
                kind, asked, answer = self._quoted(head)
                (exercises if kind == "exercise" else html).append(asked)
                (solutions if kind == "exercise" else answers).append(answer)
            else:
                html.append(self._parser.renderer.render(block, self._parser.options, {}))
        show = shown_in(fence, link) if fence is not None else ()
        asked, answer, exercise, solution = map("".join, (html, answers, exercises, solutions))
        return TourStep(title, asked, answer, link, show, exercise, solution)

    def _quoted(self, quoted: Token) -> tuple[str, str, str]:
        """The kind of a quotation, what it asks as HTML, and the answer; each may be empty."""
        first, end = quoted.map or (0, 0)
        lines = [re.sub(r"^\s*> ?", "", line) for line in self._lines[first:end]]
        cut = next((i for i, line in enumerate(lines) if ANSWER.match(line)), len(lines))
        asked, answer = "\n".join(lines[:cut]).strip(), "\n".join(lines[cut:])
        kinds = {"question": QUESTION, "exercise": EXERCISE}
        kind = next((name for name, begins in kinds.items() if begins.match(asked)), "")
        named = f' class="{kind}"' if kind else ""
        asked = self._parser.render(QUESTION.sub("", asked))
        answer = self._parser.render(ANSWER.sub("", answer))
        return kind, (f"<blockquote{named}>{asked}</blockquote>" if asked else ""), answer


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
