"""The preset that a page opens with; nothing heavy is imported, so that servers know it, too."""

FIRST = "spirals"
