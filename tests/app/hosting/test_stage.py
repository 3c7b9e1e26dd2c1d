"""The recorded run before Python is there: for which links, and what servers load for it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser_support import browser
from landscape_core.foundation.errors import LandscapeError
from landscape_lab.figures.color_schemes import DARK
from landscape_lab.hosting import server, stage
from landscape_lab.recordings.shipped import shipped
from landscape_lab.state.first_preset import FIRST
from landscape_lab.state.lab_place import names_labs
from landscape_lab.state.link import opening, place, toured
from landscape_lab.state.place import Change
from landscape_lab.state.preset import presets

CHOICE = (stage.HERE / "stage_choice.js").read_text("utf-8")

SAME = [
    "",
    "#",
    *(opening(name).link() for name in presets()),
    "preset=spirals&seen=10",
    "preset=spirals&step=60&strategy=plane_algebra",
    "preset=spirals&display.show=3d&display.camera=10%2C20%2C3",
    "preset=saddle&display.speed=5&display.side_panel=curvature",
]

OTHER = [
    opening(FIRST).at(3).link(),
    opening(FIRST).changed(Change(0, "run.seed", 7)).link(),
    opening("saddle").changed(Change(20, "run.optimizer.learning_rate", 0.01)).link(),
    "preset=spirals&slice.resolution=31",
    "preset=spirals&display.scale=linear",
    "preset=spirals&display.limits=0,1",
    "preset=spirals&display.show=compare&kept=preset%3Dspirals",
    "preset=spirals&from=preset%3Dspirals&alpha=1&beta=1",
    "preset=nothing",
    "preset=toString",
    "lab=edge_of_stability",
    "labs",
    "labs=",
    "tour=first_steps&at=2",
]


NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not there")


def test_the_recorded_run_has_the_colours_of_the_dark_page():
    (rule,) = re.findall(r":where\(:root[^{]*\{([^}]*)\}", (stage.HERE / "stage.css").read_text())
    said = dict(re.findall(r"(--[a-z-]+): (#\w+)", rule))
    assert {"--surface", "--ink", "--accent"} <= said.keys()
    assert said.items() <= DARK.properties().items()


@pytest.fixture(scope="module")
def chosen():
    """What the browser chooses for each link; None for no recorded run."""
    ends = {name: int(shipped(name).steps[-1]) for name in stage.looks()}
    code = f"""{CHOICE}
    const [links, presets, first, last] = {json.dumps([SAME + OTHER, stage.looks(), FIRST, ends])};
    const found = links.map(link => choice(link, presets, first));
    console.log(JSON.stringify(found.map(one => one && ends(one, last[one.name]) ? one : null)));
    """
    done = subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True)
    return dict(zip(SAME + OTHER, json.loads(done.stdout), strict=True))


def recorded(link):
    """The preset whose recording has the run, plane and scale of a link, as the app reads it."""
    try:
        if names_labs(link) or toured(link)[0] != link:
            return None
        there = place(link)
    except LandscapeError:
        return None
    first = opening(there.preset)
    same = (there.scene.run, there.scene.computed_slice, there.step, there.kept, there.origin)
    if same != (first.scene.run, first.scene.computed_slice, first.step, (), None):
        return None
    drawn = [(one.show == "compare", one.scale, one.limits) for one in
             (there.scene.display, first.scene.display)]  # fmt: skip
    return there.preset if drawn[0] == drawn[1] else None


@needs_node
@pytest.mark.parametrize("link", SAME + OTHER)
def test_a_recorded_run_is_shown_for_links_to_what_was_recorded_and_no_others(chosen, link):
    found = chosen[link]
    assert (found and found["name"]) == (recorded(link) if link != "#" else FIRST)
    assert (found is None) == (link in OTHER)
    if found and link != "#":
        display, seen = place(link).scene.display, place(link).seen
        assert (found["view"], found["seen"]) == (display.show, seen)
        assert found["camera"] == display.camera


def test_the_page_that_begins_holds_all_that_it_needs_and_names_no_other_machine():
    page = stage.before("/hub/voila/recordings/")
    assert not re.findall(r"""(?:src|href)=["']?(?!data:)[^"'>]""", page)
    assert set(re.findall(r"https?://[\w./]+", page)) <= {"http://www.w3.org/2000/svg"}
    config = re.search(r'<script id="stage_config" type="application/json">(.*?)</script>', page)
    told = json.loads(config[1])
    assert told["recordings"] == "/hub/voila/recordings/"
    assert told["recording"]["name"] == told["first"] == FIRST
    assert page.count("<script") == page.count("</script>") == 3
    assert len(page) < 200_000


def test_only_a_notebook_that_says_so_begins_with_a_recorded_run():
    assert stage.is_asked_for(json.loads(server.NOTEBOOK.read_text("utf-8")))
    said = ({}, {"landscape_lab": {"recorded_run": "no"}}, {"landscape_lab": True},
            {"voila": {"template": "landscape"}})  # fmt: skip
    assert not any(stage.is_asked_for({"metadata": metadata}) for metadata in said)
    assert not stage.is_asked_for({})


def test_the_servers_that_send_it_load_neither_torch_nor_panel():
    heavy = "{'torch', 'panel', 'xarray', 'pandas', 'matplotlib', 'bokeh.models'}"
    code = f"""
import sys
from landscape_lab.hosting import stage
assert stage.markup("recordings/")
print(*{heavy} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


@needs_node
def test_the_scripts_are_modules_of_a_page_that_node_can_read():
    for path in [*Path(stage.HERE).glob("*.js"), *(server.SHARE / "pages").glob("*.js")]:
        subprocess.run([NODE, "--check", str(path)], check=True, capture_output=True)


@pytest.mark.browser
def test_the_recorded_run_is_read_turned_by_keys_and_stays_where_python_never_comes():
    address, errors = "http://127.0.0.1:9/", []

    def answer(route):
        if route.request.url.endswith(".json"):
            route.fulfill(path=stage.RECORDINGS / route.request.url.rpartition("/")[2])
        else:
            route.fulfill(body=stage.before(f"{address}recordings/"), content_type="text/html")

    with browser() as chromium:
        page = chromium.new_page(reduced_motion="reduce")
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route(f"{address}**", answer)
        page.goto(address)
        page.wait_for_function("() => window.landscapeStage")
        note = page.locator("#stage_note")
        note.get_by_text("It is tried again").wait_for()  # the answer ended without a live page
        assert page.evaluate("() => landscapeStage.player.step") == presets()[FIRST].steps
        assert not page.evaluate("() => landscapeStage.player.state.playing")
        page.locator("#stage input").press("ArrowLeft")
        assert page.evaluate("() => landscapeStage.player.step") < presets()[FIRST].steps
        found = [one for one in Axe().run(page).response["violations"]
                 if one["impact"] in ("serious", "critical")]  # fmt: skip
        assert found == []
        page.goto("about:blank")
        page.goto(f"{address}#preset=first_slope")
        page.locator("#stage_title").get_by_text(presets()["first_slope"].title).wait_for()
        page.goto("about:blank")
        page.goto(f"{address}#preset=spirals&run.seed=4")
        page.locator("#stage").wait_for(state="detached")
    assert errors == []
