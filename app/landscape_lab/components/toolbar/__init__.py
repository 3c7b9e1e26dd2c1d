"""The component `toolbar`."""
