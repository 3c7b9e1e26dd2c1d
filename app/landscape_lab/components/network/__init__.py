"""The network of the side panel."""
