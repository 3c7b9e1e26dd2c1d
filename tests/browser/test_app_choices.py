"""Every entry of every menu of the app, chosen one after another by the page's own controls."""

from urllib.parse import unquote

import pytest

from browser_support import Visitor, browser, served
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.registry import entries
from landscape_lab.state import form_model
from landscape_lab.state.link import place

SMALL = {
    "preset": "spirals",
    "step": "2",
    "run.problem.dataset.points": "60",
    "run.problem.architecture.depth": "1",
    "run.problem.architecture.width": "4",
    "run.optimizer": "sgd",
    "run.batch_size": "8",
    "run.steps": "50",
    "slice.resolution": "11",
    "slice.max_examples": "40",
}
"""A place at which every picture is drawn at once."""

IMAGES = {
    "run.problem.dataset": "digits",
    "run.problem.dataset.points": "100",
    "run.problem.dataset.shape": "images",
}

MENUS = {
    "run.problem": ({}, set()),
    "run.problem.dataset": (
        {"run.problem.loss": "squared_error"},
        {"mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100", "image_folder"},
    ),
    "run.problem.architecture": (IMAGES, {"two_layer_identity"}),
    "run.problem.architecture.initialization": ({}, set()),
    "run.problem.architecture.normalization": (
        {**IMAGES, "run.problem.architecture": "convnet"},
        set(),
    ),
    "run.problem.loss": ({}, set()),
    "run.problem.regularizer": ({}, set()),
    "run.problem.neighbours": (
        {"run.problem": "node_classification", "run.problem.nodes": "50"},
        set(),
    ),
    "run.optimizer": ({}, set()),
    "run.schedule": ({}, set()),
    "run.sampler": ({}, set()),
    "slice.directions": ({}, {"between", "given"}),
    "display.side_panel": ({}, set()),
    "display.side_panel.diagnostic": ({"display.side_panel": "diagnostics"}, set()),
    "display.side_panel.matrix": ({"display.side_panel": "curvature"}, set()),
    "display.side_panel.path": (
        {"display.side_panel": "connection", "display.side_panel.path.steps": "5"},
        set(),
    ),
}
"""For each menu what else is set where it is walked, and which of its entries may be refused.

Some data sets and directions lie in files of which there may be none; the exact two-layer network
has a single output.
"""

DIALOGS = {"table"}
"""Entries that open a dialog, which has a test of its own."""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def visitor(tmp_path_factory):
    """One page, opened once; each test leaves it at rest."""
    with browser() as chromium, served("panel", tmp_path_factory.mktemp("cache")) as url:
        guest = Visitor(chromium, url).open(link(SMALL))
        settle(guest)
        yield guest


def link(words):
    return "#" + "&".join(f"{path}={value}" for path, value in words.items())


def menus(scene):
    """The rows of a scene whose values are parts that can be chosen, by their paths."""
    return {row.path: row for row in form_model.rows(scene) if isinstance(row.value, Recipe)}


def settle(visitor):
    """Wait until all that was chosen is computed."""
    form = visitor.page.locator(".form")
    visitor.until(lambda: form.get_attribute("aria-busy") == "false", "the work to end", 60)


def go(visitor, words):
    """Go to a place by the address, and open all that is folded."""
    visitor.page.goto("about:blank")
    visitor.open(link(words))
    settle(visitor)


def unfold(visitor):
    visitor.page.locator(".form details:not([open]) > summary").evaluate_all(
        "all => all.forEach(one => { one.parentElement.open = true; })"
    )


def choose(visitor, path, name):
    """Choose an entry; what is said against it at its control, or nothing."""
    before, was, old = visitor.frame(), unquote(visitor.page.url), complaint(visitor)
    unfold(visitor)
    visitor.pick(path, name)

    def drawn():
        return visitor.frame() > before and unquote(visitor.page.url) != was

    visitor.until(
        lambda: drawn() or complaint(visitor) not in ("", old) or alert(visitor),
        f"a picture of {path}={name}",
        60,
    )
    settle(visitor)
    return complaint(visitor)


def complaint(visitor):
    """What is said against a value at its control."""
    return " ".join(visitor.page.locator(".row .error").all_inner_texts())


def alert(visitor):
    """What the message above the picture says went wrong."""
    message = visitor.page.locator(".message.alert")
    return message.inner_text() if message.is_visible() else ""


def scene_at(words):
    """The scene of a place, or None where its parts do not go together."""
    try:
        return place(link({**SMALL, **words})).scene
    except SpecError:
        return None


def test_a_menu_of_every_catalogue_that_can_be_chosen_from_is_walked():
    walked = {menus(scene_at(words))[path].field.type for path, (words, _) in MENUS.items()}
    found, waiting = set(), [{}]
    while waiting:
        words = waiting.pop()
        scene = scene_at(words)
        for path, row in menus(scene).items() if scene else ():
            if row.field.type not in found:
                found.add(row.field.type)
                waiting += [{**words, path: name} for name in entries(row.field.type)]
    assert found == walked


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", MENUS)
def test_every_entry_of_a_menu_draws_the_landscape_or_is_refused_at_its_control(visitor, path):
    settings, refusable = MENUS[path]
    go(visitor, {**SMALL, **settings})
    row = menus(scene_at(settings))[path]
    chosen = form_model.plain_value(row.value)
    for name in [*sorted(set(entries(row.field.type)) - {chosen, *DIALOGS}), chosen]:
        said = choose(visitor, path, name)
        assert alert(visitor) == "", f"{path}={name}"
        if said:
            assert name in refusable, f"{path}={name} is refused: {said}"
            continue
        assert visitor.page.locator(f"select[data-path='{path}']").input_value() == name
        assert visitor.errors == [], f"{path}={name}"
