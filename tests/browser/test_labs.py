"""Labs in a browser: three clicks from the first screen to a verdict, and the way back."""

import pytest

from browser_support import Visitor, browser, served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

COLOR = "node => getComputedStyle(node).color"


def test_three_clicks_lead_to_a_verdict_and_back_leads_to_the_landscape(tmp_path):
    with served("panel", tmp_path) as url, browser() as opened:
        visitor = Visitor(opened, url).open("#preset=spirals&step=5&slice.resolution=11")
        page = visitor.page
        page.get_by_role("button", name="Labs", exact=True).click()
        page.locator("[data-lab=constant_target]").click()
        page.locator(".lab[data-number]").wait_for(timeout=120_000)  # a first picture
        visitor.until(lambda: "lab=constant_target" in page.url, "the link of the lab")
        count = page.get_by_role("spinbutton")
        # It can be changed, so that it is not pale as what cannot.
        assert count.evaluate(COLOR) == page.locator("[data-action=lab-step]").evaluate(COLOR)
        count.fill("1")
        page.keyboard.press("Enter")
        visitor.until(lambda: "seeds=1" in page.url, "the link to name the seeds")
        page.locator("[data-action=lab-play]").click()
        page.locator(".verdict b").wait_for(timeout=200_000)
        assert "of 1 seeds; median" in page.locator(".verdict").inner_text()
        page.reload()
        page.locator(".verdict b").wait_for(timeout=120_000)  # it is kept
        page.go_back()
        page.locator("[data-lab=constant_target]").wait_for()
        page.go_forward()
        page.locator(".verdict b").wait_for(timeout=120_000)
        page.go_back()
        page.locator("[data-lab=constant_target]").wait_for()
        page.get_by_role("button", name="← Landscape").click()
        page.locator(".landscape").wait_for()
        visitor.until(lambda: "preset=" in page.url, "the link of the landscape")
        assert visitor.strangers == []
        assert visitor.errors == []


FOCUS = """() => {
  let found = document.activeElement;
  while (found.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found.className;
}"""


@pytest.mark.exhaustive
def test_a_tour_leads_into_a_lab_and_out_again_and_its_run_opens_in_the_landscape(tmp_path):
    with served("panel", tmp_path) as url, browser() as opened:
        visitor = Visitor(opened, url, (1024, 768)).open("#tour=claims&at=1")
        page = visitor.page
        visitor.at_rest()
        entries = page.evaluate("history.length")
        page.locator(".guide .next").click()
        page.locator(".lab[data-number]").wait_for(timeout=120_000)
        visitor.until(lambda: page.url.endswith("&tour=claims&at=2"), "the link of the step")
        assert "#lab=trajectory_pca" in page.url
        assert page.evaluate("history.length") == entries + 1
        assert page.evaluate(FOCUS) == "next"  # who uses the keyboard can go on
        guide, lab = page.locator(".guide").bounding_box(), page.locator(".lab").bounding_box()
        assert guide["y"] + guide["height"] <= lab["y"] + 1
        assert guide["width"] > 0.9 * 1024
        assert lab["y"] + lab["height"] < 0.6 * 768
        page.locator(".guide .next").click()
        page.locator(".landscape").wait_for()
        visitor.until(lambda: "preset=deep_plain" in page.url, "the link of the landscape")
        assert page.evaluate("history.length") == entries + 2
        narrow = page.locator(".guide").bounding_box()
        assert narrow["width"] < 0.7 * 1024  # beside the settings and the smaller figures again
        page.go_back()
        page.locator(".lab[data-number]").wait_for(timeout=120_000)
        page.locator(".guide .close").click()
        visitor.until(lambda: "tour" not in page.url, "the tour to be closed")
        page.locator(".guide").wait_for(state="hidden")
        entries = page.evaluate("history.length")
        page.locator("[data-action=lab-seed]").select_option("2")
        visitor.until(lambda: page.url.endswith("&seed=2"), "the link of the seed")
        assert page.evaluate("history.length") == entries
        page.locator("[data-action=lab-open_run]").click()
        visitor.until(lambda: "run.seed=2" in page.url, "the link of the run")
        assert "with seed 2" in page.locator(".guide .text").inner_text()
        page.locator(".guide button.lab").click()
        page.locator(".lab[data-number]").wait_for(timeout=120_000)
        visitor.until(lambda: page.url.endswith("&seed=2"), "the lab again")
        assert visitor.strangers == []
        assert visitor.errors == []


@pytest.mark.exhaustive
def test_moving_the_slider_makes_no_entries_of_the_history_and_a_reload_finds_it(tmp_path):
    with served("panel", tmp_path) as url, browser() as opened:
        seen = ".lab[data-number]"
        visitor = Visitor(opened, url).open("#lab=xor_amplification&seeds=1", wait_for=seen)
        page = visitor.page
        entries = page.evaluate("history.length")
        slider = page.locator("[data-action=lab-frame]")
        slider.focus()
        page.keyboard.press("Home")
        for frame in (1, 2, 3):
            page.keyboard.press("ArrowRight")
            visitor.until(lambda n=frame: page.url.endswith(f"&frame={n}"), "the frame")
        assert page.evaluate("history.length") == entries
        page.reload()
        page.locator(".lab[data-number]").wait_for(timeout=120_000)
        visitor.until(lambda: slider.input_value() == "3", "the slider")
        assert page.url.endswith("&frame=3")
        assert visitor.errors == []


@pytest.mark.exhaustive
def test_few_settings_after_many_do_not_cover_the_words_and_a_tour_asks_in_place_of_the_lab(
    tmp_path,
):
    with served("panel", tmp_path) as url, browser() as opened:
        seen = ".lab[data-number]"
        visitor = Visitor(opened, url).open("#lab=signals_in_depth&seeds=1", wait_for=seen)
        page = visitor.page
        form, words = (
            page.locator(".form:visible"),
            page.locator("[aria-label='The claim']:visible"),
        )
        many = form.bounding_box()["height"]
        assert page.locator(".question:visible").count() == 1
        page.evaluate("location.hash = 'lab=double_descent&seeds=1&tour=course&at=10'")
        page.get_by_role("heading", name="Double descent").wait_for()
        visitor.until(lambda: form.bounding_box()["height"] < many, "fewer settings")
        box = form.bounding_box()
        assert box["y"] + box["height"] <= words.bounding_box()["y"] + 1
        assert form.evaluate("e => e.scrollHeight <= e.clientHeight")  # none is out of sight
        asked = page.locator(".question:visible")  # that of the guide alone
        assert asked.evaluate_all("all => all.map(one => one.tagName)") == ["BLOCKQUOTE"]
        summary = page.locator("summary:visible", has_text="What it shows")
        summary.press("Enter")
        words.get_by_text("The peak is where").wait_for()
        assert visitor.errors == []
