"""Eigenpairs, trace and density of symmetric matrices that are known by their products only."""
