"""The component `heartbeat`."""
