"""The glossary shown in the app: terms and definitions from `content/glossary.md`."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

SOURCE = Path(__file__).parents[2] / "content" / "glossary.md"
"""The text of the glossary; the page docs/glossary.md is a copy of it."""

LINK = re.compile(r"(?:\s*See(?: also)?\s+)?\[([^\]]+)\]\([^)\s]+\.md(?:#[^)\s]*)?\)\.?")
"""A reference to a page of the documentation, which an offline app does not have."""


@dataclass(frozen=True)
class Term:
    """A term, its other spellings, and its definition as safe HTML."""

    name: str
    aliases: tuple[str, ...]
    definition: str

    @property
    def anchor(self) -> str:
        """The identifier of its heading on the documentation page: `filter-normalization`."""
        kept = re.sub(r"[^\w\s-]", "", self.name.lower())
        return re.sub(r"\s+", "-", kept.strip())

    def plain(self) -> dict[str, object]:
        """The term as JSON values, as the form's JavaScript reads it."""
        words = [self.name, *self.aliases]
        return {"name": self.name, "words": words, "definition": self.definition}


@functools.cache
def terms() -> tuple[Term, ...]:
    """All terms of the glossary in the order of the file."""
    return parsed(SOURCE.read_text("utf-8"))


def parsed(text: str) -> tuple[Term, ...]:
    """The terms of a glossary: a heading `## `, a line `Also: …`, and the definition."""
    markdown = MarkdownIt("commonmark", {"html": False})
    found = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name, _, body = section.partition("\n")
        also = re.match(r"\s*Also: (.*?)\.\n\n", body, flags=re.DOTALL)
        aliases = " ".join(also[1].split()).split(", ") if also else []
        definition = LINK.sub("", body[also.end() :] if also else body)
        html = markdown.render(definition.strip()).strip()
        found.append(Term(name.strip(), tuple(aliases), html))
    return tuple(found)
