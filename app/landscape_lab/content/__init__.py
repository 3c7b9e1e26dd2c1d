"""Presets and guided tours."""
