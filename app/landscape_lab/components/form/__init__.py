"""The component `form`."""
