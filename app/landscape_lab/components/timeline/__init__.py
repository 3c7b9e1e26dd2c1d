"""The component `timeline`."""
