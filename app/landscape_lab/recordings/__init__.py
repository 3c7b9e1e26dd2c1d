"""Recorded runs of the presets, which a page plays without a server."""
