"""How runs that are kept are compared."""

MODES = {
    "side": "side by side",
    "own": "own colours",
    "difference": "differences",
    "together": "on one plane",
}
"""How runs are compared, in a word or two each."""
