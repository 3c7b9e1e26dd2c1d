"""The site as files: pages that are whole, links that lead somewhere, folders that are not ours."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pytest

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab
from landscape_lab.content.tour import GUIDES, tours
from landscape_lab.recordings.recording import LARGEST, recording
from landscape_lab.recordings.shipped import shipped
from landscape_lab.recordings.static_pages import folder as site
from landscape_lab.recordings.static_pages.lab_pages import verdicts
from landscape_lab.recordings.static_pages.markup import Site
from landscape_lab.state.preset import presets

LIVE = "https://lab.example.org/app"
EMPTY = {"meta", "link", "input", "img", "br", "hr", "path", "circle", "image"}


class Reader(HTMLParser):
    """Elements, ids and addresses of a page; an end without its beginning fails."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.loaded = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.append((tag, known))
        self.ids += [known["id"]] if "id" in known else []
        self.links += [known["href"]] if tag == "a" else []
        self.loaded += [known[one] for one in ("src", "srcset", "data-src") if one in known]
        self.loaded += [known["href"]] if tag == "link" and known["rel"] != "canonical" else []
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in EMPTY or self.open.pop() == tag


@pytest.fixture(scope="module")
def content():
    return site.files(list(presets()), Site("https://example.org/lab/", LIVE))


@pytest.fixture(scope="module")
def pages(content):
    texts = {path: text.decode() for path, text in content.items() if path.endswith(".html")}
    return {path: (text, Reader(text)) for path, text in texts.items()}


def test_there_is_a_page_for_every_preset_tour_and_lab(pages):
    named = {"presets": presets(), "tours": tours(GUIDES), "labs": entries(Lab).shipped()}
    wanted = {f"{kind}/{name}.html" for kind, names in named.items() for name in names}
    assert set(pages) == wanted | {"index.html"}


def test_every_page_is_well_formed(pages):
    for path, (text, page) in pages.items():
        assert text.startswith("<!doctype html>"), path
        tags = [tag for tag, _ in page.tags]
        assert ("html", {"lang": "en"}) in page.tags
        assert [tags.count(one) for one in ("h1", "main", "title")] == [1, 1, 1], path
        assert len(page.ids) == len(set(page.ids)), path
        assert all(known.get("alt") for tag, known in page.tags if tag == "img"), path


def test_links_and_parts_are_in_the_folder(pages, content):
    for path, (_, page) in pages.items():
        held = {
            f"recording-{known['data-recording']}"
            for _, known in page.tags
            if "data-recording" in known
        }
        assert held <= set(page.ids), path
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme:
                assert link in page.links or parts.scheme == "data", link
                continue
            parent = PurePosixPath(path).parent
            way = (
                re.sub(r"(^|/)[^/.]+/\.\./", r"\1", str(parent / parts.path))
                if parts.path
                else path
            )
            assert way in content, (path, link)
            if parts.fragment and way in pages:
                assert parts.fragment in pages[way][1].ids, link


def test_links_of_an_exercise_lead_to_the_pages_of_the_labs_or_are_words(pages):
    text, page = pages["tours/course.html"]
    assert "../labs/schedules.html" in page.links
    assert "it is 11.\nTry it</p>" in text
    assert text.count("<summary>Answer to the exercise</summary>") == 12
    assert "#lab=" not in text
    assert "with other settings" not in text  # two runs only end sooner than those of their presets


def test_nothing_is_loaded_from_elsewhere(content):
    for path, text in content.items():
        if path.endswith((".css", ".js")):
            found = re.findall(r"https?://[^\s\"'`)]+|@import|fetch\(|XMLHttp", text.decode())
            assert found == [], path


def test_the_live_app_is_opened_where_the_page_is(pages):
    text, page = pages["presets/game.html"]
    assert f"{LIVE}#preset=game&step=120" in page.links
    assert f"{LIVE}#tour=first_steps&at=1" in pages["tours/first_steps.html"][1].links
    assert f"{LIVE}#lab=dante" in pages["labs/dante.html"][1].links
    assert LIVE in pages["index.html"][1].links
    assert '<link rel="canonical" href="https://example.org/lab/presets/game.html">' in text


def test_without_addresses_there_is_neither_button_nor_canonical_link():
    text = site.files(["game"], Site())["presets/game.html"].decode()
    assert "live app</a>" not in text
    assert "canonical" not in text


def test_binder_is_opened_as_it_is():
    binder = "https://mybinder.org/v2/gh/a/b/HEAD?urlpath=voila"
    assert Site(live=binder).live_link("preset=game") == binder


def test_pages_are_small_and_hold_the_recording(pages):
    for name in presets():
        text, _ = pages[f"presets/{name}.html"]
        assert len(text.encode()) < LARGEST
        found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
        assert recording(found[1]).plain() == shipped(name).plain()


def test_a_lab_has_its_claim_and_its_verdict_of_the_report(pages):
    report = (Path(__file__).parents[4] / "docs" / "labs.md").read_text("utf-8")
    for name, kind in entries(Lab).shipped().items():
        assert verdicts()[name] in report.partition(f"### {name}\n")[2].partition("\n### ")[0]
        text = " ".join(pages[f"labs/{name}.html"][0].split())
        assert f"{name}.webp" in text
        for words in (kind.claim, kind.shows):
            assert " ".join(words.split()[:6]).replace("'", "&#x27;") in text


def test_a_site_replaces_an_earlier_one_and_nothing_else(tmp_path):
    folder = tmp_path / "site"
    site.write({"a.html": b"1", "b/c.html": b"2"}, folder)
    (folder / "CNAME").write_text("example.org")
    site.write({"a.html": b"3"}, folder)
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert found == {"a.html", "CNAME", site.LIST}
    assert (folder / "a.html").read_bytes() == b"3"
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(LandscapeError, match=r"mine\.txt.*--force"):
        site.write({"a.html": b"4"}, folder)
    assert (folder / "a.html").read_bytes() == b"3"
    site.write({"a.html": b"5"}, folder, force=True)
    assert (folder / "mine.txt").read_text() == "mine"
    assert (folder / "a.html").read_bytes() == b"5"


@pytest.mark.parametrize("listed", ["../mine.txt", "/etc/passwd", "a/../../mine.txt"])
def test_the_list_of_a_site_reaches_nothing_outside(tmp_path, listed):
    folder, mine = tmp_path / "site", tmp_path / "mine.txt"
    mine.write_text("mine")
    site.write({"a.html": b"1"}, folder)
    (folder / site.LIST).write_text(json.dumps({"files": ["a.html", listed]}))
    site.write({"a.html": b"2"}, folder)
    assert mine.read_text() == "mine"


def test_folders_and_addresses_that_are_none_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for odd in ("file", "none/site", "a\0b"):
        with pytest.raises(SpecError, match="--output"):
            site.check(tmp_path / odd)
    for odd in ("lab.example.org", "javascript:alert(1)", "https://", 'https://a"b', "https://["):
        with pytest.raises(SpecError, match="--live"):
            Site(live=odd)
    with pytest.raises(SpecError, match="spirals"):
        site.chosen("spirals,nothing")
    assert site.chosen("game, spirals,game") == ["game", "spirals"]
