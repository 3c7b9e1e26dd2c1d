"""Runs of an optimizer on an objective, step by step."""
