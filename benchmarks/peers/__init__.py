"""Other tools that draw loss landscapes, run unmodified on the same work as ours.

`environments` gives each tool an environment of its own, `run.measure` runs them all in
subprocesses, and one module a tool (named as the tool) is what runs inside.
"""
