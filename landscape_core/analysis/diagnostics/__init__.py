"""Diagnostics of a network at one point, which need no plane, one file each."""
