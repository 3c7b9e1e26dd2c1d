"""The presets, tours and labs as pages that need no server."""
