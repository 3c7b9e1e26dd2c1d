"""What `panel serve` runs for every visitor; the Voila notebook has the same lines."""

from app.wiring import setup, show

setup()

from app.page import Page  # noqa: E402 - Panel must be set up before components are built

show(Page().view)
