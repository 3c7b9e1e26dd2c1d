"""The component `surface`."""
