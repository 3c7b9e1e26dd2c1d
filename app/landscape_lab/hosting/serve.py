"""What `panel serve` runs for every visitor; the Voila notebook has the same lines."""

import panel as pn

from landscape_lab.bridge.jupyter import setup, show

setup()

from landscape_lab.hosting.stage import panel_page  # noqa: E402 - Panel must be set up before components are built
from landscape_lab.page.controller import Page  # noqa: E402

show(Page().view)
if pn.state.curdoc is not None and (template := panel_page("static/recordings/")):
    pn.state.curdoc.template = template
