"""The worker of a page and the only thread of the app."""
