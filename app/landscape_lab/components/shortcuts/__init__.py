"""The component `shortcuts`."""
