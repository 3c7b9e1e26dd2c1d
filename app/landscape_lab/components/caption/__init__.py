"""The component `caption`."""
