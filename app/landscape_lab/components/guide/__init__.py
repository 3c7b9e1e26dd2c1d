"""The component `guide`."""
