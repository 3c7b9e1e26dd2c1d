"""Whole pieces of work that are kept: trajectories, their slices and curvature."""
