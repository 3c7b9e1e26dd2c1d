"""The component `appearance`."""
