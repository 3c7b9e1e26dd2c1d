"""Labs in a browser: three clicks from the first screen to a verdict, and the way back."""

import pytest

from browser_support import Visitor, browser, served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def test_three_clicks_lead_to_a_verdict_and_back_leads_to_the_landscape(tmp_path):
    with served("panel", tmp_path) as url, browser() as opened:
        visitor = Visitor(opened, url).open("#preset=spirals&step=5&slice.resolution=11")
        page = visitor.page
        page.get_by_role("button", name="Labs", exact=True).click()
        page.locator("[data-lab=constant_target]").click()
        page.locator(".lab[data-number]").wait_for(timeout=120_000)  # a first picture
        visitor.until(lambda: "lab=constant_target" in page.url, "the link of the lab")
        page.get_by_role("spinbutton").fill("1")
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
