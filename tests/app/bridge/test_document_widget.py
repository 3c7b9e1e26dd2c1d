"""The widget that holds a Bokeh document: what its views are given, and what they tell it."""

import asyncio
import gzip
import json
import threading

import pytest
from bokeh.models import Div, ImportedStyleSheet

from landscape_lab.bridge.document_widget import DocumentWidget, page_scripts
from waiting import until_async


class Browser:
    """The other end of a widget's comm."""

    comm_id = "a comm"

    def __init__(self, widget):
        self.heard = []
        widget.comm.close()
        widget.comm = self

    def on_msg(self, callback):
        self.tell_widget = callback

    def send(self, data=None, metadata=None, buffers=None):
        del metadata
        if data["method"] == "custom":
            self.heard.append((data["content"], buffers or []))

    def close(self, *_, **__):
        """Nothing is at the other end."""

    def tell(self, **content):
        data = {"method": "custom", "content": content}
        self.tell_widget({"content": {"data": data}, "buffers": []})

    def open(self, view, page="the page", *, scripts=False):
        self.tell(open=view, page=page, scripts=scripts)

    def change(self, model, attribute, value):
        event = {"kind": "ModelChanged", "model": {"id": model.id}, "attr": attribute, "new": value}
        self.tell(event=event)

    def patches(self):
        return [
            json.loads(content["patch"])["events"]
            for content, _ in self.heard
            if "patch" in content
        ]


@pytest.fixture
def text():
    return Div(text="at first")


@pytest.fixture
def left():
    return []


@pytest.fixture
def widget(text, left):
    widget = DocumentWidget(text, lambda: left.append("left"))
    yield widget
    widget.close()


@pytest.fixture
def browser(widget):
    return Browser(widget)


def test_a_view_is_given_the_document_as_it_is_when_it_opens(text, browser):
    text.text = "then"
    browser.open("one")
    text.text = "later"
    browser.open("two")
    opened = [content for content, _ in browser.heard if "document" in content]
    assert [content["view"] for content in opened] == ["one", "two"]
    assert ['"then"' in opened[0]["document"], '"later"' in opened[1]["document"]] == [True, True]


def test_scripts_come_with_the_document_where_the_page_has_none(browser):
    browser.open("one", scripts=True)
    browser.open("two")
    (_, (scripts,)), (_, none) = browser.heard
    assert (scripts, list(none)) == (page_scripts(), [])
    texts = json.loads(gzip.decompress(scripts))["scripts"]
    for name in ("bokeh.min.js", "panel.min.js", "es-module-shims"):
        assert any(name in text[:400] for text in texts)


def test_before_a_view_has_opened_nothing_is_sent(text, browser):
    text.text = "then"
    assert browser.heard == []


def test_what_changes_at_once_is_one_message(text, browser):
    async def change():
        browser.open("one")
        text.text, text.visible = "then", False
        await asyncio.sleep(0)

    asyncio.run(change())
    ((first, second),) = browser.patches()
    assert [first["new"], second["new"]] == ["then", False]


def test_what_a_view_has_changed_is_not_sent_back_to_it(text, browser):
    browser.open("one")
    heard = []
    text.on_change("text", lambda attribute, old, new: heard.append((attribute, old, new)))
    browser.change(text, "text", "by hand")
    assert heard == [("text", "at first", "by hand")]
    assert browser.patches() == []


def test_a_model_is_sent_whole_though_a_message_comes_between(text, browser):
    """Bokeh takes every model that it has when it is told of a change to be known to the teller."""
    look = ImportedStyleSheet(url="data:text/css,")

    async def change():
        browser.open("one")
        text.stylesheets = [look]
        browser.change(text, "visible", False)
        await asyncio.sleep(0)

    asyncio.run(change())
    ((event,),) = browser.patches()
    (sent,) = event["new"]
    assert (sent["id"], sent["type"]) == (look.id, "object")


def test_what_another_thread_hears_is_done_on_the_page_s(text):
    """JupyterLab 4.4 and later hand the messages of a widget to a thread of their own."""

    async def change():
        widget = DocumentWidget(text)
        browser, threads = Browser(widget), []
        text.on_change("text", lambda attr, old, new: threads.append(threading.current_thread()))
        await asyncio.to_thread(browser.change, text, "text", "by hand")
        await until_async(lambda: text.text == "by hand")
        widget.close()
        return threads

    assert asyncio.run(change()) == [threading.main_thread()]


def test_only_when_the_last_view_has_gone_nobody_looks(browser, left):
    browser.open("one")
    browser.open("two")
    browser.tell(closed="one")
    assert left == []
    browser.tell(closed="two")
    assert left == ["left"]


def test_when_the_newest_view_is_closed_the_one_before_opens_again(browser, left):
    for view in ("one", "two", "three"):
        browser.open(view)
    browser.tell(closed="one")
    browser.tell(closed="three")
    assert [content["again"] for content, _ in browser.heard if "again" in content] == ["two"]
    assert left == []


def test_views_of_a_page_that_was_reloaded_are_forgotten(browser, left):
    browser.open("one")
    browser.open("two", "the page, reloaded")
    browser.tell(closed="two")
    assert left == ["left"]
