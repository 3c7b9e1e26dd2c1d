"""The documentation as a site (Sphinx): `make docs` writes it to site/.

The whole repository is its source, so that pages link to each other as they do in a checkout; the
README is its front page. The reference of all modules is read from their text, without importing
them: a new module has its page by being there. Nothing is loaded from another host.
"""

import posixpath
import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["landscape_core", "app/landscape_lab"]
REFERENCE = "docs/reference"

project = "Landscape Lab"
author = "The Landscape Lab authors"
project_copyright = author
root_doc = "README"
include_patterns = ["*.md", "docs/**", "benchmarks/results/*.md"]
exclude_patterns = [".*", "site", "build", "dist"]
extensions = ["myst_parser", "sphinx.ext.napoleon", "autoapi.extension", "sphinx_copybutton"]

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False
html_additional_pages = {"index": "start.html"}
templates_path = ["templates"]

myst_heading_anchors = 3
default_role = "literal"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

autoapi_dirs = [str(ROOT / package) for package in PACKAGES]
autoapi_root = REFERENCE
autoapi_own_page_level = "module"
autoapi_add_toctree_entry = False
autoapi_keep_files = False
autoapi_python_class_content = "class"
autoapi_member_order = "bysource"
# Constants that are unpacked from one assignment; a type's name that several modules have.
suppress_warnings = ["autoapi.python_import_resolution", "ref.python"]
autoapi_options = ["members", "undoc-members", "show-inheritance", "show-module-summary"]

LINK = re.compile(r"(?<!!)\[([^\[\]]*)\]\(([^()\s]+)\)")
FENCED = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
MENU = """

```{{toctree}}
:hidden:
:caption: {caption}
:glob:

{pages}
```
"""
MENUS = {
    "Guides": "docs/*",
    "Measurements": "benchmarks/results/*",
    "Reference": f"{REFERENCE}/*/index",
    "Project": "CONTRIBUTING\nCHANGELOG",
}


def linked(text: str, source: str) -> str:
    """The text of a page; links to what is no page lead to the reference, or keep only their words.

    Raises:
        FileNotFoundError: a link to what is not in the repository.
    """

    def mend(match: re.Match[str]) -> str:
        words, target = match.groups()
        path = target.partition("#")[0]
        if not path or re.match(r"[a-z]+:", path) or path.endswith(".md"):
            return match[0]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not (ROOT / name).exists():
            raise FileNotFoundError(f"{source} links to {target}, which is not there")
        inside = [package for package in PACKAGES if f"{name}/".startswith(f"{package}/")]
        if not inside or not (ROOT / name / "__init__.py").is_file():
            return words
        module = posixpath.relpath(name, posixpath.dirname(inside[0]) or ".")
        there = f"{REFERENCE}/{module}/index.rst"
        return f"[{words}]({posixpath.relpath(there, posixpath.dirname(source) or '.')})"

    pieces = FENCED.split(text)  # a program that is shown has brackets of its own
    return "".join(p if p.startswith("```") else LINK.sub(mend, p) for p in pieces)


def read(app: Sphinx, name: str, content: list[str]) -> None:
    """Mend the links of a page as it is read; the front page also holds the menu."""
    if name.startswith(REFERENCE):
        return
    content[0] = linked(content[0], f"{name}.md")
    if not re.search(r"^# ", content[0], re.MULTILINE):  # as the tables of benchmarks/results
        content[0] = f"# {posixpath.basename(name).capitalize()}\n\n{content[0]}"
    if name == root_doc:
        for caption, pages in MENUS.items():
            content[0] += MENU.format(caption=caption, pages=pages)


def describe(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Let |x| and a * b in a docstring be themselves; code in backticks stays as it is."""
    for number, line in enumerate(lines):
        pieces = re.split(r"(``?[^`]*``?)", line)
        pieces[::2] = (re.sub(r"(?<!\\)\||\*(?=\w[^*]*$)", r"\\\g<0>", one) for one in pieces[::2])
        lines[number] = "".join(pieces)


def setup(app: Sphinx) -> None:
    """Ask for each page and each docstring as it is read."""
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", describe, priority=400)  # before napoleon
