"""A visit from the first look to the last: what a user does, on a tablet and a slow machine too."""

import re

import pytest
import xarray as xr

from browser_support import Visitor, browser, served
from landscape_core.foundation.registry import find
from landscape_core.slices.strategies.base import Strategy
from landscape_core.storage import netcdf
from landscape_lab.state.link import place
from landscape_lab.state.navigator import Navigator

pytestmark = [pytest.mark.browser, pytest.mark.exhaustive, pytest.mark.timeout(240)]

SMALL = "#preset=spirals&step=20&slice.resolution=21"
RATE = "run.optimizer.learning_rate"


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with served("panel", tmp_path_factory.mktemp("cache")) as address:
        yield address


@pytest.fixture
def visit(chromium, url):
    visitors = []

    def come(link=SMALL, size=(1366, 768), **options):
        visitor = Visitor(chromium, url, size, **options).open(link)
        visitors.append(visitor)
        visitor.at_rest()
        return visitor

    yield come
    for visitor in visitors:
        assert visitor.errors == []
        assert visitor.strangers == []
        visitor.page.close()


def link_of(visitor):
    return visitor.page.url.partition("#")[2]


def until_link(visitor, words):
    visitor.until(lambda: words in link_of(visitor), f"{words} in {link_of(visitor)}")
    visitor.at_rest()


def test_looking_back_elsewhere_and_starting_there_and_undoing_it_all(visit):
    guest = visit()
    shown = guest.picture()
    guest.page.keyboard.press("ArrowLeft")
    until_link(guest, "seen=19")
    assert guest.step() == 19
    assert guest.picture() != shown
    figure = guest.page.locator(".landscape .bk-Figure").first.bounding_box()
    guest.page.mouse.click(
        figure["x"] + 0.4 * figure["width"], figure["y"] + 0.4 * figure["height"]
    )
    start = guest.page.locator("button[data-action='start_here']")
    start.wait_for(state="visible")
    start.click()
    until_link(guest, "from=preset")
    assert guest.step() == 0
    guest.page.evaluate("document.activeElement.blur()")
    guest.page.keyboard.press("z")
    until_link(guest, "step=20")
    assert guest.picture() is not None
    again = visit("#" + link_of(guest))
    assert again.reading("train_loss") == guest.reading("train_loss")


def test_a_kept_run_is_compared_in_three_ways(visit):
    guest = visit(size=(1024, 768))
    guest.page.keyboard.press("k")
    until_link(guest, "kept=")
    guest.type(RATE, "0.2")
    until_link(guest, f"{RATE}=0.2")
    assert guest.step() == 20
    guest.page.evaluate("document.activeElement.blur()")
    guest.page.keyboard.press("c")
    until_link(guest, "display.show=compare")
    panels = guest.page.get_by_text("learning rate 0.2", exact=False)
    panels.first.wait_for()
    guest.page.reload()
    panels.first.wait_for(timeout=60_000)
    for mode in ("difference", "together"):
        guest.page.locator("select[data-action='comparison']").select_option(mode)
        until_link(guest, mode)
    wide = guest.page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    guest.press("forget")
    guest.until(lambda: "kept" not in link_of(guest), "the kept run to be forgotten")
    guest.at_rest()


def test_what_is_exported_is_what_is_shown(visit, tmp_path):
    guest = visit()
    guest.type(RATE, "0.3")
    until_link(guest, f"at.20.{RATE}=0.3")
    guest.press("step")
    until_link(guest, "step=21")
    guest.press("export")
    with guest.page.expect_download() as coming:
        guest.page.get_by_role("button", name="NetCDF data").click()
    target = tmp_path / coming.value.suggested_filename
    coming.value.save_as(target)
    found = netcdf.load(target)
    strategy = find(Strategy, found.attrs["strategy"][0])()
    *_, shown = Navigator(place(link_of(guest)), strategy=strategy).pictures()
    for name in ("loss", "accuracy", "computed"):
        xr.testing.assert_equal(found[name], shown.slice[name])
    assert guest.reading("train_loss") == f"{shown.readings.values['train_loss']:.3g}"


def test_a_reload_in_the_middle_of_a_run_opens_where_it_was_and_tabs_are_apart(visit):
    guest, other = visit(), visit()
    guest.press("play")
    guest.until(lambda: int(re.search(r"step=(\d+)", link_of(guest))[1]) > 30, "the run to move")
    guest.page.reload()
    guest.page.locator(".bar[data-frame]").first.wait_for(timeout=60_000)
    guest.at_rest()
    assert guest.step() > 30
    assert guest.status() == "paused"
    assert other.step() == 20


def test_on_a_slow_machine_nothing_queues_behind_what_is_shown(visit):
    guest = visit()
    guest.page.context.new_cdp_session(guest.page).send(
        "Emulation.setCPUThrottlingRate", {"rate": 6}
    )
    guest.press("play")
    guest.until(lambda: guest.step() > 30, "the run to move", 60)
    guest.press("play")
    guest.until(lambda: guest.status() == "paused", "the run to be held")
    guest.at_rest()
    last = guest.frame()
    for rate in ("0.1", "0.2", "0.05"):
        guest.type(RATE, rate)
    until_link(guest, f"{RATE}=0.05")
    assert guest.frame() - last < 40


def test_a_tablet_has_its_settings_in_a_drawer_and_everything_fits(visit):
    guest = visit(size=(768, 1024), touch=True)
    assert not guest.page.locator(f"input[data-path='{RATE}']").is_visible()
    guest.page.get_by_role("button", name="Settings").first.tap()
    guest.page.locator(f"input[data-path='{RATE}']").wait_for(state="visible")
    guest.type(RATE, "0.1")
    until_link(guest, f"{RATE}=0.1")
    guest.page.keyboard.press("Escape")
    wide = guest.page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    canvas = guest.page.locator(".landscape .bk-Figure").first.bounding_box()
    assert canvas["width"] > 380
    assert canvas["height"] > 300


def test_a_teachers_link_opens_a_step_of_a_tour_which_goes_on(visit):
    guest = visit("#tour=first_steps&at=2", size=(1024, 768))
    assert "step=20" in link_of(guest)
    guest.page.get_by_role("button", name="Next", exact=True).click()
    until_link(guest, "at=3")
    until_link(guest, "learning_rate=1.9")
    guest.page.get_by_role("button", name="Answer", exact=True).click()
    guest.page.get_by_text("Each step overshoots the minimum").wait_for()
    guest.page.get_by_role("button", name="Back", exact=True).click()
    until_link(guest, "at=2")
