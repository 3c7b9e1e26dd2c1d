"""The command line by `python -m landscape_lab`, as `landscape` runs it."""

import sys

from landscape_lab.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
