"""Curvature matrices, one file each."""
