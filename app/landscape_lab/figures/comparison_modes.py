"""How runs that are kept are compared."""

MODES = {
    "side": "side by side",
    "own": "own colours",
    "surfaces": "in 3-D",
    "surfaces_own": "in 3-D, own heights",
    "difference": "differences",
    "together": "on one plane",
}
"""How runs are compared, in a few words each."""

OWN_SURFACES = "surfaces_own"

SURFACES = ("surfaces", OWN_SURFACES)
"""The modes that draw each run as a surface: with one range of heights, or each with its own."""
