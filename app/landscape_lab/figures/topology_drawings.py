"""The drawings of the topology of a slice that the side panel offers."""

DRAWINGS = ("barcode", "merge tree", "profile")
