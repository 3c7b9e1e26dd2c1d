"""The gallery of labs and a lab's page: by keyboard, in every window, and what axe-core finds."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser_support import Visitor, browser, served
from landscape_core.foundation.registry import entries, find
from landscape_core.labs.base import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

GRAVE = ("serious", "critical")

LAB = "games"
"""The lab that takes least time."""

FIRST = ".lab[data-number]"
"""A lab with a picture."""

WINDOWS = {"laptop": (1366, 768), "small": (1024, 768), "tablet": (768, 1024)}

PATIENCE = 120_000

FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return {tag: at.tagName, text: at.textContent, ring: at.matches(":focus-visible"), ...at.dataset};
}"""

BOXES = """places => places.filter(p => p.getClientRects().length).map(p => {
  const {left, top, right, bottom} = p.getBoundingClientRect();
  return [left, top, right, bottom];
})"""

CLIPPED = """figures => figures.filter(f => {
  const canvas = f.shadowRoot.querySelector(".bk-Canvas").getBoundingClientRect();
  return canvas.bottom > f.getBoundingClientRect().bottom + 1;
}).length"""

CUT = """places => places.filter(p => p.getClientRects().length
  && (p.scrollWidth > p.clientWidth + 1 || p.scrollHeight > p.clientHeight + 1)
  && getComputedStyle(p).display !== "inline").map(p => p.textContent)"""


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with served("panel", tmp_path_factory.mktemp("labs")) as address:
        yield address


@pytest.fixture
def visit(chromium, url):
    seen = []

    def arrive(link, wait_for, size=WINDOWS["laptop"], *, touch=False):
        visitor = Visitor(chromium, url, size, touch=touch).open(link, wait_for)
        seen.append(visitor)
        return visitor

    yield arrive
    for visitor in seen:
        visitor.page.context.close()
        assert visitor.errors == []


def grave(page):
    """What axe-core objects to gravely: rule, selector and summary of each place."""
    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def no_grave(page):
    found = grave(page)
    assert found == [], json.dumps(found, indent=1, ensure_ascii=False)


def tab_to(visitor, name, value, most=60):
    """Press Tab until the focus, with a ring, is where a `data-` attribute has a value."""
    for _ in range(most):
        visitor.page.keyboard.press("Tab")
        at = visitor.page.evaluate(FOCUS)
        if at.get(name) == value:
            assert at["ring"]
            return
    raise AssertionError(f"no Tab leads to {name}={value}; it ended at {at}")


def focused(visitor, text):
    visitor.until(
        lambda: visitor.page.evaluate(FOCUS)["text"].startswith(text), f"the focus on {text!r}"
    )


def apart(boxes):
    """Whether no two boxes overlap by more than a pixel."""
    return not any(
        min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1
        for n, a in enumerate(boxes)
        for b in boxes[:n]
    )


def test_keys_alone_lead_from_the_gallery_to_a_verdict_and_back(visit):
    visitor = visit("#labs=all", "[data-lab]")
    page, keys = visitor.page, visitor.page.keyboard
    focused(visitor, "Labs")
    no_grave(page)
    tab_to(visitor, "lab", LAB)
    keys.press("Enter")
    page.locator(FIRST).wait_for(timeout=PATIENCE)
    focused(visitor, "Games of two players")
    no_grave(page)
    tab_to(visitor, "action", "lab-count")
    keys.press("Control+a")
    keys.type("2")
    keys.press("Enter")
    visitor.until(lambda: "seeds=2" in page.url, "the link to name the seeds")
    for action in ("lab-again", "lab-fresh", "lab-export", "lab-seed"):
        tab_to(visitor, "action", action)
    page.locator(".lab h1").focus()  # where no key has another meaning
    keys.press("Space")
    page.locator(".verdict b").wait_for(timeout=PATIENCE)
    no_grave(page)
    tab_to(visitor, "path", "coupling")
    keys.press("Shift+Tab")
    page.locator("[data-action=lab-leave]").focus()
    keys.press("Enter")
    focused(visitor, "Games of two players")
    assert "your run: UNDECIDED, 2 seeds" in page.locator(f"[data-lab={LAB}] small").inner_text()
    page.get_by_role("button", name="← Landscape").focus()
    keys.press("Enter")
    page.locator(".landscape").wait_for(timeout=PATIENCE)
    focused(visitor, "Labs")
    assert page.evaluate(FOCUS)["tag"] == "BUTTON"


@pytest.mark.exhaustive
def test_nothing_is_cut_and_nothing_overlaps_in_any_window(visit):
    visitor = visit(f"#lab={LAB}&seeds=1", FIRST)
    for name, (width, height) in WINDOWS.items():
        visitor.page.set_viewport_size({"width": width, "height": height})
        check_layout(visitor, name, width)
    visitor.page.set_viewport_size(dict(zip(("width", "height"), WINDOWS["laptop"], strict=True)))
    visitor.page.keyboard.press("p")
    visitor.page.locator("html.projector").wait_for()
    check_layout(visitor, "projector", WINDOWS["laptop"][0])
    no_grave(visitor.page)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_every_lab_has_its_room_in_every_window_and_axe_finds_nothing_grave(visit):
    for lab in sorted(entries(Lab).shipped()):
        visitor = visit(f"#lab={lab}&seeds=1", FIRST)
        visitor.page.locator(FIRST).wait_for(timeout=PATIENCE)
        for name, (width, height) in WINDOWS.items():
            visitor.page.set_viewport_size({"width": width, "height": height})
            check_layout(visitor, f"{lab}, {name}", width, find(Lab, lab).claim[:40])
        no_grave(visitor.page)
        visitor.page.context.close()


def check_layout(visitor, name, width, claim="With a constant step size"):
    """Words are readable, and the pictures have their room."""
    page = visitor.page
    narrow = width < 900 or name == "projector"
    summary = page.locator("summary", has_text="The claim")
    visitor.until(lambda: summary.is_visible() == narrow, f"the words of {name}")
    visitor.still()
    claim = page.locator("p", has_text=claim).and_(page.locator(":visible"))
    if narrow:
        assert claim.count() == 0
        summary.focus()
        page.keyboard.press("Enter")
    claim.first.wait_for()
    assert page.get_by_text("arXiv").and_(page.locator(":visible")).count() >= 1
    figures = page.locator(".bk-Figure").and_(page.locator(":visible"))
    visitor.until(lambda: figures.evaluate_all(CLIPPED) == 0, f"whole pictures in {name}", 20)
    if narrow:
        page.keyboard.press("Enter")

    def settled():
        boxes = figures.evaluate_all(BOXES)
        bar = page.locator(".lab").evaluate_all(BOXES)
        return (
            apart(boxes + bar)
            and all(right - left >= 230 and right <= width + 1 for left, _, right, _ in boxes)
            and min(left for left, *_ in boxes) < (20 if narrow else 460)
        )

    visitor.until(settled, f"pictures side by side in {name}", 20)
    assert page.locator(".bar button, .question, .verdict").evaluate_all(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
