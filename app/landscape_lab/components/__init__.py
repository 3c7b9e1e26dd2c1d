"""Browser components: a Python class and a JavaScript module each."""
