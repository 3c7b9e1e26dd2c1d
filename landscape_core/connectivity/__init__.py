"""Paths between minima, loss barriers, and the alignment of hidden units."""
