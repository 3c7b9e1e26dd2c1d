"""The catalogue as a page of the documentation, from the descriptions that the app shows."""

from collections.abc import Iterator, Mapping

from landscape_core.catalogue import entries
from landscape_core.recipes import (
    Choice,
    Field,
    Knob,
    Recipe,
    fields_of,
    label_of,
    name_of,
    summary_of,
)

HEAD = """# Catalogue

All that can be chosen by name: in the app, from Python (`landscape_core.make`), on the command line
and in links. Written by `landscape list --markdown > docs/catalogue.md`.
"""


def page(kinds: Mapping[str, type[Recipe]]) -> str:
    """The page, in Markdown: of each kind its entries, with formula, source and fields."""
    parts = [HEAD]
    for title, base in kinds.items():
        parts.append(f"## {title.capitalize()}\n")
        parts += [_entry(name, recipe) for name, recipe in entries(base).items()]
    return "\n".join(parts)


def _entry(name: str, recipe: type[Recipe]) -> str:
    lines = [f"### `{name}`: {label_of(recipe)}", "", summary_of(recipe)]
    formula, source = (getattr(recipe, attribute, "") for attribute in ("formula", "source"))
    if formula:
        lines += ["", f"    {formula}"]
    if source:
        lines += ["", f"{source}."]
    fields = fields_of(recipe)
    if fields:
        lines += ["", "| field | default | accepted | meaning |", "| --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(_row(field)) + " |" for field in fields]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> Iterator[str]:
    yield f"`{field.name}`"
    default = field.default
    yield f"`{name_of(type(default)) if isinstance(default, Recipe) else default}`"
    yield _accepted(field)
    yield field.help.replace("|", "\\|")


def _accepted(field: Field) -> str:
    if isinstance(field.mark, Knob):
        return f"{_number(field.mark.low)} to {_number(field.mark.high)}"
    if isinstance(field.mark, Choice):
        return ", ".join(f"`{option}`" for option in field.mark.options)
    if issubclass(field.type, Recipe):
        return "an entry of its kind"
    return "on, off" if field.type is bool else "text"


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
