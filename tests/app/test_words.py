"""Names and texts use the terms of machine learning, not paraphrases or metaphors."""

import re

import pytest

import words
from landscape_core.foundation.kinds import base_of, packages_of_kinds
from landscape_core.foundation.registry import entries
from landscape_lab.components.form.glossary import SOURCE, parsed, terms
from landscape_lab.page.form_sections import sections
from landscape_lab.state import form_model
from landscape_lab.state.scene import Scene
from words import ROOT


def test_names_and_texts_have_no_forbidden_word():
    found = [str(one) for one in words.all_findings()]
    assert found == [], "\n".join(found)


def test_the_labels_and_help_of_the_first_screen_have_no_forbidden_word():
    scene = Scene()
    shown = []
    for section in sections(scene, scene):
        shown.append(f"{section['title']} {section['help']}")
        for field in section["fields"]:
            options = field.get("options", [])
            shown += [f"{field['label']}: {field['help']}"]
            shown += [f"{option['label']}: {option['help']}" for option in options]
    found = [bad for text in shown for bad in words.wrong_text(text)]
    assert found == []


@pytest.mark.parametrize("name", sorted(packages_of_kinds()))
def test_menus_have_no_forbidden_word(name):
    base = base_of(name)
    known = entries(base)
    for each in known:
        told = known.described(each)
        text = f"{told.label}: {told.summary}"
        assert list(words.wrong_text(text)) == []
        assert told.summary.endswith((".", ")"))


def test_cards_of_the_first_screen_have_no_forbidden_word():
    for entry in form_model.rows(Scene()):
        row = form_model.described(entry)
        for text in row.get("card", {}).values():
            assert list(words.wrong_text(text)) == []


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("the bend after each layer", True),
        ("activation function", False),
        ("how the weights start", True),
        ("memory β₁ of the mean gradient", True),
        ("exponential decay rate of the first moment, β₁", False),
        ("share μ of the velocity that is kept", True),
        ("a figure beside the landscape", True),
        ("box-shadow", False),
        ("the path's shadow", True),
        ("display.aside: field", False),
        ("asks for one's own network", True),
    ],
)
def test_the_check_finds_paraphrases_and_no_standard_term(text, bad):
    assert bool(list(words.wrong_text(text))) is bad


@pytest.mark.parametrize(
    ("name", "bad"),
    [("Look", True), ("look_at", False), ("Desk", True), ("shadow_on", True), ("_told", False),
     ("SidePanel", False), ("tellTale", True)],
)  # fmt: skip
def test_the_check_reads_the_words_within_names(name, bad):
    assert bool(words.wrong_name(name)) is bad


def test_the_page_of_the_glossary_is_that_of_the_app():
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    assert page == SOURCE.read_text("utf-8"), f"cp {SOURCE.relative_to(ROOT)} docs/glossary.md"


def test_the_glossary_is_in_alphabetical_order_without_repetition():
    names = [term.name.lower().replace("-", " ") for term in terms()]
    assert names == sorted(names)
    spoken = [word.lower() for term in terms() for word in (term.name, *term.aliases)]
    assert len(spoken) == len(set(spoken))


def test_every_definition_is_short_and_without_links_or_markup_of_its_own():
    for term in terms():
        text = re.sub(r"<[^>]+>", "", term.definition)
        assert 40 < len(text) < 500, term.name
        assert "<a" not in term.definition
        assert ".md" not in text
        assert re.fullmatch(r"[a-z0-9-]+", term.anchor)


def test_a_glossary_escapes_html_and_leaves_out_links_to_pages():
    (term,) = parsed("# G\n\n## a b\n\nAlso: c, d.\n\nIs <b>. See [here](x.md#y).\n")
    assert (term.name, term.aliases, term.anchor) == ("a b", ("c", "d"), "a-b")
    assert term.definition == "<p>Is &lt;b&gt;.</p>"
