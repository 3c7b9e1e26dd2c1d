"""Pages that are built beforehand: as a browser would have been given them, and not open yet."""

import asyncio
import subprocess
import sys

from bokeh.document import Document
from bokeh.server.session import ServerSession
from tornado.ioloop import IOLoop

from landscape_lab.hosting.spare_pages import BREATH, QUIET, SELDOM, Pace, SparePages, Visitors
from landscape_lab.worker.turns import Turns

SCRIPT = """
import panel as pn

pn.extension()
pn.Column(pn.pane.Str("here"), pn.Row("text")).servable()
"""


BUILDING = """
import asyncio, sys
import panel.io.server as panel_server
from bokeh.server.contexts import ApplicationContext
from landscape_lab.hosting.spare_pages import SparePages

script, path = sys.argv[1:]
(application,) = panel_server.build_applications({"/page": script}).values()

async def build():
    context = ApplicationContext(application, url="/page")
    pages = SparePages(context, path, 0, 1)
    await pages.build()
    (name,) = pages.names
    session = context.get_session(name)
    print(session.document.to_json())
    session.destroy()

asyncio.run(build())
"""


def spare_page(folder, path):
    """The text that the browser will be sent of a page which was built beforehand.

    By a process of its own: notebooks change where Panel takes its style sheets from.
    """
    script = folder / "page.py"
    script.write_text(SCRIPT)
    argv = [sys.executable, "-c", BUILDING, str(script), path]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_a_spare_page_asks_no_other_machine_for_style_sheets(tmp_path):
    text = spare_page(tmp_path, "/page")
    assert "https://" not in text
    assert "'static/extensions/panel/css/" in text


def test_a_spare_page_behind_a_prefix_has_the_same_addresses(tmp_path):
    assert "'static/extensions/panel/css/" in spare_page(tmp_path, "/lab/page")


class Context:
    """Makes sessions, which are there before the second half of their building."""

    def __init__(self):
        self.made = {}

    async def create_session_if_needed(self, name, request):
        self.made[name] = ServerSession(name, Document(), io_loop=IOLoop.current())
        return self.made[name]


def test_a_page_is_none_before_it_is_opened_also_while_it_is_built():
    async def scenario():
        context = Context()
        spare = SparePages(context, "/serve", 0, 1)
        task = asyncio.create_task(spare.build())
        while not context.made:
            await asyncio.sleep(0)
        assert not spare.names
        assert spare.unopened >= context.made.keys()
        await task
        (name,) = spare.names
        assert spare.unopened >= {name}
        spare.take(name, 60)
        assert name not in spare.unopened

    asyncio.run(scenario())


def test_pages_are_built_while_nobody_would_notice():
    now = 1000.0
    turns = Turns(lambda: now)
    pace = Pace(turns, lambda: now)
    pace.asked()
    now += QUIET + 0.1
    assert pace.due(Visitors.MANY)
    pace.built()
    now += 0.1
    assert pace.due(Visitors.MANY)
    assert not pace.due(Visitors.ALONE)  # whoever is there is left in peace most of the time
    now += BREATH
    assert pace.due(Visitors.ALONE)
    assert not pace.due(Visitors.WAITING)  # another process computes for the only visitor
    pace.asked()
    assert not pace.due(Visitors.MANY)
    now += QUIET + 0.1
    assert pace.due(Visitors.MANY)
    assert not pace.busy
    with turns.work():
        assert pace.busy
        assert not pace.due(Visitors.MANY)
        now += SELDOM
        assert pace.due(Visitors.ALONE)  # but a class that plays may go on for long
        pace.opened()
        assert not pace.due(Visitors.ALONE)
