"""The words of the project: what names and texts it has, and which words they must not contain.

Names and texts are read from the files, without importing them: from Python by its syntax tree,
from pages, presets and tours as they are, from JavaScript its quoted strings.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

FORBIDDEN_NAMES = {
    "anecdote": "single sample",
    "aside": "side panel",
    "asides": "side panels",
    "beside": "off-diagonal, additional",
    "desk": "queue, buffer",
    "doing": "progress",
    "journey": "navigator",
    "journeys": "navigator",
    "news": "update",
    "shadow": "projection",
    "shadows": "projections",
    "sheet": "grid values",
    "standpoint": "inspection point",
    "swift": "in-place",
    "tell": "report",
    "tells": "is informative",
    "told": "reported",
    "wish": "request",
    "wishes": "pending changes",
}
"""Words within a name, separated by underscores or capitals, and what to say instead."""

FORBIDDEN_WHOLE_NAMES = {"Look": "SliceSpec", "look": "compute_slice"}
"""Names that are wrong as a whole."""

FORBIDDEN_TEXTS = {
    r"the bend (after|of) ": "activation function",
    r"\bbends? (most|down|downwards|the landscape)\b": "curvature",
    r"how the weights( \w+)? start": "weight initialization",
    r"memory [αβρ]": "exponential decay rate",
    r"\bpull (towards|of|λ|τ)": "weight decay, proximal term",
    r"share μ|share [αβρη]": "momentum, coefficient",
    r"\bshares? of (the|all|a|each|its|training|examples|units|coordinates)\b": "fraction of",
    r"(^|[;:] )draws (the|what|its|data|labels|them)\b": "random seed of",
    r"matri\w+ of second order": "curvature matrix",
    r"tensors that (count|the plane moves)": "parameters included",
    r"\bunder noise\b": "expected sharpness",
    r"\b(one's|ones) own\b": "your (pages), the user's (code)",
    r"\b(journey|standpoint|desk|anecdote|whoever|nil)s?\b": "state, point, queue, example, zero",
    r"(?<!box-)(?<!attach)\bshadows?\b(?! root)": "projection",
    r"(?<![.\w])asides?\b(?![.\w])": "side panel",
    r"\bbeside\b": "next to, in addition to, without",
    r"\btold\b": "stated, reported",
    r"\btells? (of|what|how|that)\b": "states, reports",
    r"\b(late|no|newest) news\b": "update",
    r"\bthe way (between|around|from here|to be shown)\b": "path",
    r"\bkept (answer|result|slice)s?\b": "cached result",
    r"\b(so|as) many (numbers|coordinates|points|processes|steps|megabytes)\b": "this number of",
    r"\b(where|is|are|when) held(?! fixed| in| as| back| at zero| above zero)\b": "paused",
    r"\b(slopes?) (under|misleads)\b": "gradient",
    r"whose turn it is": "active",
    r"under its feet": "at the current point",
}
"""Patterns of phrases, without regard to case, and what to say instead."""

PYTHON = ("landscape_core", "app/landscape_lab")
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "app/landscape_lab/content/**/*.md",
         "app/landscape_lab/content/**/*.yaml")  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A word that should not be there: in which file and line, and what to say instead."""

    file: str
    line: int
    text: str
    instead: str

    def __str__(self) -> str:
        """One line of a list of findings."""
        return f"{self.file}:{self.line} — {self.text!r} — {self.instead}"


def python_files() -> list[Path]:
    """All modules of the engine and the app."""
    return [path for root in PYTHON for path in sorted((ROOT / root).rglob("*.py"))]


def parts_of(name: str) -> list[str]:
    """The words of a name: `show_side_panel` and `ShowSidePanel` have three."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word.lower() for word in spaced.split("_") if word]


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Public names by line: classes, functions, arguments, fields, module constants."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            yield from ((each.lineno, each.arg) for each in given)
        if isinstance(node, ast.ClassDef | ast.Module):
            for each in node.body:
                targets = [each.target] if isinstance(each, ast.AnnAssign) else []
                targets = each.targets if isinstance(each, ast.Assign) else targets
                yield from ((t.lineno, t.id) for t in targets if isinstance(t, ast.Name))


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string constant with a space in it: docstrings, help, labels, messages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, " ".join(node.value.split())


def wrong_name(name: str) -> str:
    """What to say instead of a name; empty if it is right or private."""
    if name.startswith("_"):
        return ""
    if name in FORBIDDEN_WHOLE_NAMES:
        return FORBIDDEN_WHOLE_NAMES[name]
    return next((FORBIDDEN_NAMES[w] for w in parts_of(name) if w in FORBIDDEN_NAMES), "")


def wrong_text(text: str) -> Iterator[tuple[str, str]]:
    """The forbidden phrases in a text with some context, and what to say instead."""
    for pattern, instead in FORBIDDEN_TEXTS.items():
        for match in re.finditer(pattern, text, flags=re.IGNORECASE):
            yield text[max(0, match.start() - 30) : match.end() + 30], instead


def in_python(path: Path) -> Iterator[Found]:
    """The forbidden words in the names and texts of a module."""
    where = path.relative_to(ROOT).as_posix()
    tree = ast.parse(path.read_text("utf-8"))
    module = [(1, path.stem)] if path.stem != "__init__" else []
    for line, name in [*module, *names(tree)]:
        if instead := wrong_name(name):
            yield Found(where, line, name, instead)
    for line, text in texts(tree):
        yield from (Found(where, line, bad, instead) for bad, instead in wrong_text(text))


def in_lines(path: Path) -> Iterator[Found]:
    """The forbidden phrases in the lines of a page; code in a fence is left to other checks."""
    where, fenced = path.relative_to(ROOT).as_posix(), False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced:
            yield from (Found(where, number, bad, say) for bad, say in wrong_text(line))


def in_javascript(path: Path) -> Iterator[Found]:
    """The forbidden phrases in the quoted strings of a script; styles are no words."""
    where = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        for text in re.findall(r"\"([^\"]* [^\"]*)\"|`([^`]* [^`]*)`", line):
            yield from (Found(where, number, bad, say) for bad, say in wrong_text("".join(text)))


def all_findings() -> list[Found]:
    """Every forbidden word in the project's own files."""
    found = [one for path in python_files() for one in in_python(path)]
    pages = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    found += [one for path in pages for one in in_lines(path)]
    scripts = sorted((ROOT / "app" / "landscape_lab").rglob("*.js"))
    return found + [one for path in scripts for one in in_javascript(path)]
