"""What `panel serve` runs for every visitor; the Voila notebook has the same lines."""

from landscape_lab.bridge.jupyter import setup, show

setup()

from landscape_lab.page.controller import Page  # noqa: E402 - Panel must be set up before components are built

show(Page().view)
