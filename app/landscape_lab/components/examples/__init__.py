"""The component `examples`."""
