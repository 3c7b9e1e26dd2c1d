"""The component `exporter`."""
