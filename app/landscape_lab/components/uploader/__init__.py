"""The component `uploader`."""
