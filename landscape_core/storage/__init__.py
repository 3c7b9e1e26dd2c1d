"""Datasets on disk: schemas, netCDF files, atomic writing, and the store of results."""
