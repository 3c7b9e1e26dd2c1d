"""The command line `landscape`."""
