"""The component `link`."""
