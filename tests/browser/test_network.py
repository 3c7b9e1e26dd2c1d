"""The network beside the landscape: seen, read with the keyboard, and changed by hand."""

import itertools
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser_support import Visitor, browser, served
from landscape_lab.components.network import network
from landscape_lab.state.link import place

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LINK = (
    "#preset=spirals&step=6&slice.resolution=9&run.problem.architecture.width=4"
    "&display.side_panel=network"
)
LAYOUT = Path(network.__file__).with_name("network_layout.js").read_text("utf-8")


@pytest.fixture(scope="module")
def visitor(tmp_path_factory):
    with browser() as opened, served("panel", tmp_path_factory.mktemp("cache")) as url:
        guest = Visitor(opened, url).open(LINK, wait_for=".net[data-frames]")
        yield guest
        assert guest.strangers == []
        assert guest.errors == []


def test_units_stand_inside_their_place_in_columns_that_do_not_overlap(visitor):
    code = """([width, height, counts]) => {
      const found = placed(width, height, counts);
      return {...found, edges: edgesOf([{weight: [[1, -2], [null, .5]]}], found).map(e => e.value)};
    }"""
    for width, height, counts in [
        (330, 480, [2, 12, 12, 2]),
        (200, 90, [2, 4, 2]),
        (900, 300, [1, 3, 1]),
    ]:
        found = visitor.page.evaluate(f"{LAYOUT};({code})({[width, height, counts]})")
        thumb, picture = found["thumb"], found["picture"]
        xs = [column[0]["x"] for column in found["spots"]]
        assert all(after - before >= thumb for before, after in itertools.pairwise(xs))
        for column in found["spots"]:
            ys = [spot["y"] for spot in column]
            assert all(after - before >= thumb for before, after in itertools.pairwise(ys))
        assert xs[-1] + thumb <= width
        assert picture["x"] >= 0
        assert picture["x"] + picture["size"] <= width + 0.5
        assert picture["y"] + picture["size"] <= height + 0.5
        assert [abs(value) for value in found["edges"]] == sorted(map(abs, found["edges"]))


def test_an_edge_is_found_under_the_pointer_and_arrow_keys_go_to_neighbours(visitor):
    edges = "[{from: [0, 0], to: [100, 100], value: 1}, {from: [0, 100], to: [100, 0], value: 2}]"
    found = visitor.page.evaluate(
        f"{LAYOUT};[nearest({edges}, 10, 1).value, nearest({edges}, 90, 2).value,"
        f" nearest({edges}, 50, 90), neighbour([2, 4, 1], [0, 1], 'ArrowRight'),"
        " neighbour([2, 4, 1], [1, 3], 'ArrowDown'), neighbour([2, 4, 1], [2, 0], 'ArrowLeft')]"
    )
    assert found[:3] == [1, 2, None]
    assert found[3] in ([1, 2], [1, 3])
    assert found[4] is None
    assert found[5] in ([1, 1], [1, 2])


def test_a_weight_is_changed_with_the_keyboard_undone_and_started_from(visitor):
    page = visitor.page
    visitor.at_rest()
    net = page.locator(".net")
    assert net.get_attribute("data-kind") == "plane"
    assert page.locator("button[data-unit]").count() == 2 + 4 + 4 + 2
    page.locator("button[data-unit='1-0']").focus()
    assert "decision boundary" not in page.locator(".caption").inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    unit = page.locator("button[data-unit='2-1']")
    visitor.until(lambda: unit.evaluate("node => node.matches(':focus')"), "the next unit")
    assert "Layer 2, unit 2 of 4" in unit.get_attribute("aria-label")
    page.keyboard.press("Enter")
    slider = page.locator(".editor input[type=range]")
    slider.wait_for(state="visible")
    assert "Layer 2, unit 2" in page.locator(".editor").get_attribute("aria-label")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    page.locator(".editor select").select_option("3")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    visitor.until(lambda: net.get_attribute("data-changed") == "1", "the network with the weight")
    assert "off the plane" in page.locator(".point [role=status]").inner_text()
    assert "1 value set by hand" in page.locator(".hand").inner_text()
    page.locator("[data-network=undo]").click()
    visitor.until(lambda: net.get_attribute("data-changed") == "0", "the network as it was")
    assert not page.locator(".point").is_visible()
    slider.focus()
    page.keyboard.press("End")
    visitor.until(lambda: net.get_attribute("data-changed") == "1", "the weight again")
    page.keyboard.press("Escape")
    visitor.until(lambda: unit.evaluate("node => node.matches(':focus')"), "the unit again")
    visitor.at_rest()
    page.locator("button[data-action='start_here']").click()
    visitor.until(lambda: "weight=" in page.url, "the link to hold the weight")
    visitor.at_rest()
    (change,) = place(page.url.partition("#")[2]).origin.weights
    assert (change.tensor, change.index) == ("2.weight", (1, 3))
    assert visitor.step() == 0
